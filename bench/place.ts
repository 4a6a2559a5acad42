import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { OUTPUT_FOLDER } from './work.ts';

/** A folder of its own for one run or one series of runs. */
export interface Place {
  readonly dir: string;
  readonly write: (files: Readonly<Record<string, string>>) => void;
  readonly remove: () => void;
}

export function newPlace(): Place {
  const dir = mkdtempSync(join(tmpdir(), 'fixpoint-bench-'));
  mkdirSync(join(dir, OUTPUT_FOLDER));
  mkdirSync(join(dir, 'run'), { mode: 0o700 });
  return {
    dir,
    write: (files) => {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, name)), { recursive: true });
        writeFileSync(join(dir, name), text);
      }
    },
    remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 10 }),
  };
}
