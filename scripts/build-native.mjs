// Compiles the native spawner, where there is a compiler; elsewhere the shell's does the same, slower.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'backends', 'process', 'native');

// Without shared libraries it starts attempts faster; not every system has the static ones.
const LINKINGS = [['-static'], []];

/** Takes the first linking that the system can do. Gives what the compiler said, empty if there is none; undefined: `place` is there. */
export function buildNative(place, linkings = LINKINGS) {
  mkdirSync(dirname(place), { recursive: true });
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c'));
  let said = '';
  for (const linking of linkings) {
    const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', ...linking, '-o', place];
    const compiled = spawnSync(process.env.CC ?? 'cc', [...flags, ...sources], { cwd: SOURCES, encoding: 'utf8' });
    if (compiled.status === 0) return undefined;
    said = compiled.stderr ?? '';
  }
  return said;
}
