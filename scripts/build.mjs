// Builds dist/ from src/: puts the modules of the program together, since each file that a start has to find and
// read costs half a millisecond, and copies what is no module (shell and SQL files), keeping their paths.
// Plain JavaScript, so that it needs nothing built. Types are checked by `npm run check`.
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildNative } from './build-native.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const ASSETS = new Set(['.sh', '.sql']);
/** What a process or a thread starts with. All else that is loaded late is a file of its own. */
const ENTRIES = ['cli/main', 'apis/parse-worker'];
/** Of their own kind of module: those that they put together ask for what the system brings by `require`. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

rmSync(dist, { recursive: true, force: true });

await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(ENTRIES.map((entry) => [entry, `src/${entry}.ts`])),
  outdir: dist,
  bundle: true,
  splitting: true,
  // One folder below dist/, like the entries: see src/base/own-files.ts.
  chunkNames: 'modules/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'linked',
  banner: { js: REQUIRE },
  legalComments: 'eof',
  // Native code is found from its package's folder; the validator is loaded where a document has mistakes only.
  external: ['better-sqlite3', 'ajv'],
  logLevel: 'warning',
});

for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !ASSETS.has(extname(entry.name))) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(dist, from.slice(join(root, 'src').length + 1));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { preserveTimestamps: true });
}

const said = buildNative(join(dist, 'backends', 'process', 'spawner'));
if (said !== undefined) process.stderr.write(`${said}attempts are started by the shell spawner: no C compiler\n`);

chmodSync(join(dist, 'cli', 'main.js'), 0o755);
