import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { buildNative } from '../../scripts/build-native.mjs';
import { MAIN, type Sandbox, type Started } from './cli.ts';

export type FileFault = 'EIO' | 'EROFS' | 'ENOSPC' | 'NFS';
/** Below PATH, or for the clock, see `faults.c`. */
export type Fault = `${FileFault} ${string}` | `CLOCK ${number}`;

const SOURCE = join(import.meta.dirname, 'faults.c');
const FOLDER = mkdtempSync(join(tmpdir(), 'fxp-faults-'));
const LIBRARY = join(FOLDER, 'faults.so');
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

/** Whether faults can be had: there is a C compiler, and what it made can be preloaded into Node and the shell. */
export const canFault: boolean = tryToFault();

function tryToFault(): boolean {
  try {
    execFileSync('cc', ['-O1', '-shared', '-fPIC', '-o', LIBRARY, SOURCE, '-ldl'], { stdio: 'ignore' });
    const rules = join(FOLDER, 'try');
    writeFileSync(rules, `EIO ${SOURCE}\nCLOCK 100000\n`);
    const env = { ...process.env, LD_PRELOAD: LIBRARY, FAULTS: rules };
    const program = `
      let code; try { require('fs').readFileSync(${JSON.stringify(SOURCE)}) } catch (e) { code = e.code }
      process.exit(code === 'EIO' && Date.now() - ${Date.now()} > 50_000_000 ? 0 : 1)`;
    execFileSync(process.execPath, ['-e', program], { env, stdio: 'ignore' });
    execFileSync('/bin/sh', ['-c', `! read -r line < ${SOURCE}`], { env, stdio: 'ignore' });
    return true;
  } catch {
    // Nothing will run that would take it away.
    rmSync(FOLDER, { recursive: true, force: true });
    return false;
  }
}

export const SPAWNERS = ['native', 'shell'] as const;
export type SpawnerKind = (typeof SPAWNERS)[number];

/** Command lines of who runs attempts; folders are made for the shell's by a program. */
const RUNTIMES: Readonly<Record<SpawnerKind, RegExp>> = {
  native: /^fixpoint-attempt /,
  shell: /^\S*sh \S*attempt\.sh |^mkdir /,
};

const BUILT = join(FOLDER, 'dist');
const NATIVE = join(BUILT, 'backends', 'process', 'spawner');
/** Else what checks its buffers is called by other names. */
const LINKING = ['-U_FORTIFY_SOURCE'];

/**
 * The built program, beside a native spawner from the same sources that has shared libraries: nothing can be preloaded into
 * the one that is shipped, which has none.
 */
function programWithLibraries(): string {
  const built = dirname(dirname(MAIN));
  const main = join(BUILT, 'cli', 'main.js');
  if (existsSync(NATIVE)) return main;
  cpSync(built, BUILT, { recursive: true, filter: (path) => !path.endsWith('.map') });
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(dirname(built), name), join(FOLDER, name));
  rmSync(NATIVE, { force: true });
  const said = buildNative(NATIVE, [LINKING]);
  if (said !== undefined) throw new Error(`the native spawner cannot be built: ${said}`);
  return main;
}

/** Calls that the native spawner makes of its libraries, and those among all that faults stand in the way of. */
export function nativeCalls(): { readonly made: readonly string[]; readonly faulted: ReadonlySet<string> } {
  programWithLibraries();
  const symbols = (which: string, file: string): string[] =>
    execFileSync('nm', ['--dynamic', which, file], { encoding: 'utf8' })
      .split('\n')
      .map((line) => /\w+(?=(?:@.*)?$)/.exec(line)?.[0] ?? '');
  return { made: symbols('--undefined-only', NATIVE), faulted: new Set(symbols('--defined-only', LIBRARY)) };
}

/** The world of the programs of one sandbox: healthy at first. */
export class Faults {
  readonly #rules: string;
  readonly #box: Sandbox;
  readonly #spawner: SpawnerKind;

  constructor(box: Sandbox, spawner: SpawnerKind) {
    this.#box = box;
    this.#spawner = spawner;
    this.#rules = box.write('faults', '');
  }

  /** From now on these hold, and no others, also for programs and tasks that run. */
  set(...faults: readonly Fault[]): void {
    writeFileSync(this.#rules, faults.map((fault) => `${fault}\n`).join(''));
  }

  /** Starts the program in this world. */
  start(...args: readonly string[]): Started {
    const env = { LD_PRELOAD: LIBRARY, FAULTS: this.#rules };
    return this.#spawner === 'native'
      ? this.#box.startWith({ env, main: programWithLibraries() }, ...args)
      : this.#box.startWith({ env: { ...env, FIXPOINT_SPAWNER: 'shell' } }, ...args);
  }

  /** Whether a runtime of an attempt, of the wanted kind, has met this fault. */
  metByRuntime(fault: Fault): boolean {
    return this.#met(fault, RUNTIMES[this.#spawner]);
  }

  /** Of folders and patterns both kinds ask programs, which are nobody else's. */
  metByTool(fault: Fault): boolean {
    return this.#met(fault, /^(?:find|stat|sha256sum) /);
  }

  metByDaemon(fault: Fault): boolean {
    return this.#met(fault, /\.js daemon /);
  }

  #met(fault: Fault, who: RegExp): boolean {
    const [kind, below] = fault.split(' ', 2) as [string, string];
    const wanted = kind === 'CLOCK' ? 'CLOCK ' : `${kind} ${below}`;
    return this.#lines().some((line) => {
      const [what = '', by = ''] = line.split('\t', 2);
      return what.startsWith(wanted) && who.test(by);
    });
  }

  #lines(): string[] {
    const notes = `${this.#rules}.met`;
    return existsSync(notes) ? readFileSync(notes, 'utf8').split('\n') : [];
  }
}
