import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scriptText } from './document.ts';
import type { Model, ScriptFile } from './model.ts';
import { EXTERNAL_FILES, SCRIPT_FILES } from './random-graph.ts';
import type { Reference } from './reference.ts';

/** The folder that a workflow works in, and the same folder in the reference's mind. */
export class World {
  readonly folder: string;
  readonly reference: Reference;

  constructor(folder: string, reference: Reference) {
    this.folder = folder;
    this.reference = reference;
    mkdirSync(join(folder, 'locks'), { recursive: true });
    for (const [i, path] of EXTERNAL_FILES.entries()) this.write(path, `external file ${i}\n`);
    for (const path of SCRIPT_FILES) this.writeScript(path, { version: 0, cosmetic: 0 });
  }

  write(path: string, content: string): void {
    writeFileSync(join(this.folder, path), content);
    this.reference.write(path, content);
  }

  delete(path: string): void {
    rmSync(join(this.folder, path));
    this.reference.world.delete(path);
  }

  writeScript(path: string, script: ScriptFile): void {
    writeFileSync(join(this.folder, path), scriptText(script));
    chmodSync(join(this.folder, path), 0o755);
    this.reference.scripts.set(path, script);
  }

  read(path: string): string | undefined {
    try {
      return readFileSync(join(this.folder, path), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** What a revert brings back: the files that users edit, not those that tasks make. */
  remember(): () => void {
    const files = EXTERNAL_FILES.map((path) => [path, this.reference.content(path) ?? ''] as const);
    const scripts = [...this.reference.scripts];
    return () => {
      for (const [path, content] of files) if (this.reference.content(path) !== content) this.write(path, content);
      for (const [path, script] of scripts)
        if (this.reference.scripts.get(path) !== script) this.writeScript(path, script);
    };
  }
}

export function outputPaths(model: Model): string[] {
  return model.tasks.flatMap((task) => task.outputs.map(({ path }) => path));
}
