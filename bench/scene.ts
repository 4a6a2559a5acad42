import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Account, AccountKind } from './measure/account.ts';
import { WrongOutcome } from './stage.ts';
import { OUTPUT_FOLDER } from './work.ts';

/** Where something is measured: a folder and an account of its own. Closing it ends what runs in it. */
export interface Scene {
  readonly dir: string;
  readonly account: Account;
  readonly write: (files: Readonly<Record<string, string>>) => void;
  readonly close: () => Promise<void>;
}

const open = new Set<Scene>();
/** Removed at the end only: a file system that has just lost 100,000 files takes longer to make the next ones. */
const folders: string[] = [];
let over = false;

export function openScene(accounts: AccountKind): Scene {
  if (over) throw new WrongOutcome('interrupted');
  const account = accounts.open();
  const dir = mkdtempSync(join(tmpdir(), 'fixpoint-bench-'));
  folders.push(dir);
  mkdirSync(join(dir, OUTPUT_FOLDER));
  // Sockets of the programs lie here; the folder must belong to the user alone.
  mkdirSync(join(dir, 'run'), { mode: 0o700 });
  const scene: Scene = {
    dir,
    account,
    write: (files) => {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, name)), { recursive: true });
        writeFileSync(join(dir, name), text);
      }
    },
    close: async () => {
      open.delete(scene);
      await account.close();
    },
  };
  open.add(scene);
  return scene;
}

/** A scene that is closed whatever comes of it. */
export async function inScene<T>(accounts: AccountKind, act: (scene: Scene) => Promise<T>): Promise<T> {
  const scene = openScene(accounts);
  try {
    return await act(scene);
  } finally {
    await scene.close();
  }
}

/** The end, also of an interrupted run: what was started in sessions of its own would live on. None can be opened after it. */
export async function closeAllScenes(): Promise<void> {
  over = true;
  for (const scene of open) await scene.close();
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
}
