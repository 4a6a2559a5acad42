import { cpus, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { fixpoint } from './fixpoint/program.ts';
import { readText } from './measure/proc.ts';
import { shellLine } from './peers/words.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** What figures depend on and nobody can change between two runs. */
export function machine(): string {
  const all = cpus();
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readText('/etc/os-release'))?.[1] ?? 'Linux';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${all.length} cores (${all[0]?.model.trim() ?? 'unknown'}), ${memory}, ${system}, Linux ${release()}, Node ${process.versions.node}`;
}

/** A command without the paths of this machine. */
export function forPeople(command: string, cache: string): string {
  return command
    .replaceAll(shellLine(fixpoint()), 'fixpoint')
    .replaceAll(cache, '$CACHE')
    .replaceAll(`${ROOT}/`, '')
    .replaceAll(/(?<![\w$.])(?:\/[\w.-]+)*\/bin\//g, '');
}
