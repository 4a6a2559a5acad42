import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Sandbox, Started } from './cli.ts';

/** Below PATH, or for the clock, see `faults.c`. */
export type Fault = `${'EIO' | 'EROFS' | 'ENOSPC' | 'NFS'} ${string}` | `CLOCK ${number}`;

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

/** The world of the programs of one sandbox: healthy at first. */
export class Faults {
  readonly #rules: string;
  readonly #box: Sandbox;

  constructor(box: Sandbox) {
    this.#box = box;
    this.#rules = box.write('faults', '');
  }

  /** From now on these hold, and no others, also for programs and tasks that run. */
  set(...faults: readonly Fault[]): void {
    writeFileSync(this.#rules, faults.map((fault) => `${fault}\n`).join(''));
  }

  /** Starts the program in this world. */
  start(...args: readonly string[]): Started {
    // A sandbox gives its programs our environment. Tests of one file run one after the other.
    process.env['LD_PRELOAD'] = LIBRARY;
    process.env['FAULTS'] = this.#rules;
    // Nothing can be preloaded into the native one, which has no shared libraries.
    process.env['FIXPOINT_SPAWNER'] = 'shell';
    try {
      return this.#box.start(...args);
    } finally {
      delete process.env['LD_PRELOAD'];
      delete process.env['FAULTS'];
      delete process.env['FIXPOINT_SPAWNER'];
    }
  }
}
