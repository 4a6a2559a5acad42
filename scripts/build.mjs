// Builds dist/ from src/: compiles, then copies what the compiler does not know (shell and SQL files that
// the code reads beside itself), keeping their paths. Plain JavaScript, so that it needs nothing built.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const ASSETS = new Set(['.sh', '.sql']);

rmSync(dist, { recursive: true, force: true });

const tsc = join(root, 'node_modules', '.bin', 'tsc');
const compiled = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (compiled.error) throw compiled.error;
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !ASSETS.has(extname(entry.name))) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(dist, from.slice(join(root, 'src').length + 1));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { preserveTimestamps: true });
}

const said = buildNative(join(dist, 'backends', 'process', 'spawner'));
if (said !== undefined) process.stderr.write(`${said}attempts are started by the shell spawner: no C compiler\n`);

const main = join(dist, 'cli', 'main.js');
if (existsSync(main)) chmodSync(main, 0o755);
