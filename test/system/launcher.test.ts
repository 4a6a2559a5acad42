import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LAUNCH_FLAGS } from '../rig/launch-flags.ts';

// The program starts with the code that V8 had made of it, or without.

const ROOT = resolve(import.meta.dirname, '../..');
let dir: string;
let main: string;
let code: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-launcher-'));
  const needed = (path: string): boolean => !path.endsWith('.map') && !path.includes('kubernetes-client');
  cpSync(join(ROOT, 'dist'), join(dir, 'dist'), { recursive: true, filter: needed });
  cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  main = join(dir, 'dist/cli/main.js');
  code = join(dir, 'dist/cli/program.code');
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** What `version` says, and whether V8 took the code. */
function start(...more: string[]): { readonly said: string; readonly refused: unknown } {
  const look = `process.argv.splice(1, 0, 'main.js'); const script = require(${JSON.stringify(main)});
    process.on('exit', () => console.log(script.cachedDataRejected));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, [...LAUNCH_FLAGS, ...more, '-e', look, 'version'], {
    encoding: 'utf8',
  });
  expect([stderr, status]).toEqual(['', 0]);
  const [said = '', refused] = stdout.trimEnd().split('\n');
  return { said, refused };
}

describe('a start', () => {
  it('takes the code that was made when it was built', () => {
    expect(start().refused).toBe('false');
  });

  it('says the same without it', () => {
    const { said } = start();
    rmSync(code);
    expect(start()).toEqual({ said, refused: 'undefined' });
  });

  it('does not take code that is damaged or cut short', () => {
    const { said } = start();
    const whole = readFileSync(code);
    const changed = Buffer.from(whole);
    changed[whole.length >> 1] = (changed[whole.length >> 1] as number) ^ 1;
    for (const bytes of [changed, whole.subarray(0, whole.length >> 1), Buffer.alloc(0), Buffer.from('abc')]) {
      writeFileSync(code, bytes);
      expect(start()).toEqual({ said, refused: 'undefined' });
    }
  });

  it('compiles anew where V8 refuses the code', () => {
    const { said } = start();
    expect(start('--no-lazy-feedback-allocation')).toEqual({ said, refused: 'true' });
  });

  it('is one by its name, wherever that leads, and one of node on it', () => {
    const link = join(dir, 'some where');
    symlinkSync(main, link);
    const { said } = start();
    const starts = [[main], [link], [process.execPath, main]];
    for (const [program = '', ...args] of starts) {
      const { stdout, stderr } = spawnSync(program, [...args, 'version'], { encoding: 'utf8' });
      expect([stdout.trimEnd(), stderr]).toEqual([said, '']);
    }
  });

  it('hands its arguments over as they are', () => {
    const { stderr, status } = spawnSync(main, ['no such', '$(touch here)', "it's"], { encoding: 'utf8', cwd: dir });
    expect([status, stderr]).toEqual([2, expect.stringContaining("'no such'")]);
    expect(readdirSync(dir)).not.toContain('here');
  });

  it('keeps little space for what is new', () => {
    const small = 'v8.getHeapSpaceStatistics().find((s) => s.space_name === "new_space").space_size <= 8 << 20';
    const { stdout } = spawnSync('grep', ['-o', 'exec node .* "$0"', main], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(`exec node ${LAUNCH_FLAGS.join(' ')} "$0"`);
    const { stdout: said } = spawnSync(process.execPath, [...LAUNCH_FLAGS, '-p', small], { encoding: 'utf8' });
    expect(said.trim()).toBe('true');
  });

  it('reads the script as it was written', () => {
    expect(readFileSync(join(dir, 'dist/cli/program.js')).every((byte) => byte < 128)).toBe(true);
  });
});
