// Builds dist/ from src/: puts the modules of the program together into one script, has V8's code of it kept, since each file
// that a start has to find, read and compile costs half a millisecond, and copies what is no module (shell and SQL
// files), keeping their paths. Plain JavaScript, so that it needs nothing built. Types are checked by `npm run check`.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildNative } from './build-native.mjs';
import { keepCode } from './exercise.mjs';
import { SHELL_START } from './launch-flags.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const ASSETS = new Set(['.sh', '.sql']);
/** What a process or a thread starts with. Each lies one folder below dist/: see src/base/own-files.ts. */
const ENTRIES = { 'cli/program': 'cli/main', 'apis/parse-worker': 'apis/parse-worker' };
/** Scripts of their own: as large as all else together, and needed where there is a cluster. */
const APART = { undici: 'packages/undici', '@kubernetes/client-node': 'packages/kubernetes-client' };
/** Scripts know where they lie by another name than modules. */
const URL_OF_SCRIPT = "const urlOfScript = require('node:url').pathToFileURL(__filename).href;";

rmSync(dist, { recursive: true, force: true });

const OPTIONS = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  banner: { js: URL_OF_SCRIPT },
  define: { 'import.meta.url': 'urlOfScript' },
  // A script whose code was kept cannot import; what it loads late are scripts, too.
  supported: { 'dynamic-import': false },
  sourcemap: 'linked',
  legalComments: 'linked',
  logLevel: 'warning',
};
const apart = {
  name: 'apart',
  setup: ({ onResolve }) => {
    for (const [name, out] of Object.entries(APART))
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: `../${out}.js`, external: true }));
  },
};
const entryPoints = Object.fromEntries(Object.entries(ENTRIES).map(([out, entry]) => [out, `src/${entry}.ts`]));
const packages = Object.fromEntries(Object.entries(APART).map(([name, out]) => [out, name]));

// Native code is found from its package's folder; the validator is loaded where a document has mistakes only.
await build({ ...OPTIONS, entryPoints, external: ['better-sqlite3', 'ajv'], plugins: [apart] });
await build({ ...OPTIONS, entryPoints: packages });
// Not the modules that the package as a whole consists of.
writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');

for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !ASSETS.has(extname(entry.name))) continue;
  const from = join(entry.parentPath, entry.name);
  const to = join(dist, from.slice(join(root, 'src').length + 1));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { preserveTimestamps: true });
}

const said = buildNative(join(dist, 'backends', 'process', 'spawner'));
if (said !== undefined) process.stderr.write(`${said}attempts are started by the shell spawner: no C compiler\n`);

// The launcher reads bytes as characters, and compiles them as they are. Of what is not ASCII only regular expressions and
// comments are left.
const program = join(dist, 'cli', 'program.js');
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
const ascii = readFileSync(program, 'utf8').replace(/[\u0080-\uffff]/g, escaped);
writeFileSync(program, `(function (require, __filename) {${ascii}})\n`);

const main = join(dist, 'cli', 'main.js');
writeFileSync(main, SHELL_START + readFileSync(join(root, 'scripts', 'launcher.cjs'), 'utf8'));
chmodSync(main, 0o755);
const failed = keepCode(main);
if (failed !== undefined) process.stderr.write(`${failed}every start compiles the program: it could not be tried\n`);
