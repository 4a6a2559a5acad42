// Takes one barrier away at a time, in a copy of the project, and asks whether a test notices.
//
//   npm run mutants              every mutant: some 15 minutes, by hand
//   npm run mutants -- WORD…     those with one of the words in their name
//   npm run mutants -- --quick   `quick-mutants.mjs`: `test/system/mutants.test.ts` does that, so `npm run verify`
//   npm run mutants -- --fit     runs no test, only says whether every edit still fits: part of `npm run check`
//
// A mutant that lives is a hole in the tests. It is killed if its tests pass without it and one of them fails with it; tests
// that could not be loaded, or did not come to an end, judge nothing. All of that fails, and so does an edit that no
// longer fits, so that the list stays true.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { QUICK_MUTANTS } from './quick-mutants.mjs';
import { SLOW_MUTANTS } from './slow-mutants.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const COPIED = [
  'src',
  'test',
  'crds',
  'docs',
  'examples',
  'scripts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
/** Longer than any test may take: one that hangs fails by its own limit. */
const PATIENCE_MS = 15 * 60_000;

const editsOf = (mutant) => [mutant, ...(mutant.also ?? [])];

/** The text of a file with an edit in it; throws where the edit does not fit. */
function edited(folder, { file, from, to }) {
  const parts = readFileSync(join(folder, file), 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} places read ${JSON.stringify(from)}`);
  return parts.join(to);
}

/** Why the edits of a mutant do not fit; undefined: they do. */
function misfit(mutant) {
  try {
    for (const change of editsOf(mutant)) edited(ROOT, change);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

/**
 * Who started this may be a run of tests itself, and continuous integration counts the tests of that one only. What a test
 * that failed leaves behind lies in the copy, and can be told by that.
 */
function environment(copy) {
  const own = ([name]) => name !== 'FIXPOINT_TEST_REPORTS' && !name.startsWith('VITEST');
  return { ...Object.fromEntries(Object.entries(process.env).filter(own)), TMPDIR: join(copy, 'tmp') };
}

/** Ends what tests left running: the copy is in its environment or its arguments. */
function endLeftovers(copy) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const told = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1'));
      if (told.some((text) => text.includes(copy))) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended, or is somebody else's.
    }
  }
}

/** Why a file of no module does not compile, which tests would only see as the failure of what they start. */
async function uncompiled(copy, file) {
  if (file.endsWith('.sh')) return spawnSync('sh', ['-n', file], { cwd: copy, encoding: 'utf8' }).stderr || undefined;
  if (!file.endsWith('.c')) return undefined;
  const { buildNative } = await import(join(copy, 'scripts/build-native.mjs'));
  return buildNative(join(copy, 'compiled/spawner'));
}

/** Runs tests in the copy. `passed`: none failed; `failed`: the one that did; neither: `why` nothing can be said. */
function judge(copy, tests) {
  const file = join(copy, 'report.json');
  rmSync(file, { force: true });
  const args = [VITEST, 'run', '--bail', '1', '--reporter', 'json', '--outputFile', file, ...tests];
  const ran = spawnSync(process.execPath, args, {
    cwd: copy,
    env: environment(copy),
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  endLeftovers(copy);
  if (ran.error) return { why: ran.error.message };
  if (ran.signal) return { why: `vitest was ended by ${ran.signal}` };
  if (!existsSync(file)) return { why: `vitest made no report: ${(ran.stderr || ran.stdout).trim()}` };
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
  const failed = ({ status }) => status === 'failed';
  const broken = testResults.find((suite) => failed(suite) && !suite.assertionResults.some(failed));
  if (broken) return { why: `${broken.name} did not come to its tests: ${broken.message.split('\n', 1)[0]}` };
  const noticed = testResults.flatMap((suite) => suite.assertionResults).find(failed);
  if (noticed) return { failed: noticed.fullName };
  if (ran.status === 0 && numPassedTests > 0) return { passed: true };
  return { why: `no test failed, ${numPassedTests} passed, exit code ${ran.status}` };
}

/** What the tests of a mutant say of it. */
async function judgeMutant(copy, mutant) {
  const undo = [];
  try {
    for (const change of editsOf(mutant)) {
      const path = join(copy, change.file);
      const text = readFileSync(path, 'utf8');
      undo.unshift(() => writeFileSync(path, text));
      writeFileSync(path, edited(copy, change));
      const why = await uncompiled(copy, change.file);
      if (why !== undefined) return { why };
    }
    return judge(copy, mutant.tests);
  } finally {
    for (const back of undo) back();
  }
}

/** Selections that do not pass as they are: they could kill nothing. */
function unfitSelections(copy, mutants) {
  const selections = new Map(mutants.map(({ tests }) => [tests.join(' '), tests]));
  return [...selections].filter(([name, tests]) => {
    const { failed, passed, why } = judge(copy, tests);
    console.log(passed ? `passes  ${name}` : `FAILS   ${name}: ${failed ?? why}`);
    return !passed;
  });
}

/** Whether each is killed. */
async function judgeAll(mutants) {
  const copy = mkdtempSync(join(tmpdir(), 'fixpoint-mutants-'));
  try {
    for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    mkdirSync(join(copy, 'tmp'));
    const unfit = unfitSelections(copy, mutants);
    if (unfit.length > 0) {
      console.log(`${unfit.length} selections of tests fail without any mutant`);
      return false;
    }
    let killed = 0;
    for (const mutant of mutants) {
      const { failed, passed, why } = await judgeMutant(copy, mutant);
      if (failed) killed++;
      if (failed) console.log(`killed  ${mutant.name}, by: ${failed}`);
      else console.log(passed ? `LIVES   ${mutant.name}` : `ERROR   ${mutant.name}, not judged: ${why}`);
    }
    console.log(`${killed} of ${mutants.length} killed`);
    return killed === mutants.length;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const mutants = flags.includes('--quick') ? QUICK_MUTANTS : [...QUICK_MUTANTS, ...SLOW_MUTANTS];
const chosen = mutants.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const misfits = chosen.flatMap((mutant) => misfit(mutant) ?? []);
for (const why of misfits) console.log(why);
if (flags.includes('--fit') || misfits.length > 0) {
  console.log(`${chosen.length - misfits.length} of ${chosen.length} fit`);
  process.exitCode = misfits.length > 0 ? 1 : 0;
} else if (chosen.length === 0) {
  console.log('no mutant has such a name');
  process.exitCode = 1;
} else {
  process.exitCode = (await judgeAll(chosen)) ? 0 : 1;
}
