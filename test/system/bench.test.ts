import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { newestResults, type Result } from '../../bench/results.ts';
import { test } from '../rig/in-sandbox.ts';

// The harness works: small runs end well and leave figures that can be true. What the figures are is no test's business.

const ROOT = resolve(import.meta.dirname, '../..');

async function bench(cache: string, ...args: readonly string[]): Promise<string> {
  const argv = ['--import', 'tsx', join(ROOT, 'bench/main.ts'), '--quick', ...args];
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT, env });
  return stdout;
}

function results(lines: string): readonly Result[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Result);
}

describe('bench', () => {
  for (const account of [[], ['--sampled']]) {
    test(`a quick fan beside xargs ${account.join('')}`, async ({ box }) => {
      await bench(box.dir, '--only', 'fan', '--peers', 'xargs', '--results', box.path('results.jsonl'), ...account);
      const taken = results(box.read('results.jsonl'));
      expect(taken.map(({ variant, tool }) => `${variant} ${tool}`)).toEqual([
        'true xargs',
        'true fixpoint',
        'bash xargs',
        'bash fixpoint',
      ]);
      for (const { tool, tasks, quick, version, command, figures, ratios, samples } of taken) {
        expect({ tasks, quick, runs: samples.length }).toEqual({ tasks: 50, quick: true, runs: 1 });
        expect(version).toMatch(/^\d/);
        expect(command).toMatch(tool);
        // Fifty processes cannot cost nothing.
        const { wallSeconds = 0, cpuSeconds = 0, cpuMsPerTask = 0 } = figures;
        expect(cpuSeconds).toBeGreaterThan(0);
        expect(wallSeconds).toBeGreaterThan(0);
        expect(cpuMsPerTask).toBeCloseTo((cpuSeconds * 1000) / 50);
        expect(Object.keys(ratios).sort()).toEqual(tool === 'xargs' ? ['cpuSeconds', 'wallSeconds'] : []);
        expect(samples[0]?.circumstances.forks).toBeGreaterThanOrEqual(50);
      }
    });
  }

  test('what a daemon is asked: nothing runs for a plan, one task for an edit', async ({ box }) => {
    await bench(box.dir, '--only', 'plan,edit1', '--peers', 'none', '--results', box.path('results.jsonl'));
    const taken = results(box.read('results.jsonl'));
    expect(taken.map(({ workload, variant, tool }) => [workload, variant, tool].filter(Boolean).join(' '))).toEqual([
      'plan last fixpoint',
      'plan last fixpoint daemon',
      'plan element fixpoint',
      'plan element fixpoint daemon',
      'edit1 fixpoint',
      'edit1 fixpoint daemon',
    ]);
    for (const { figures } of taken.slice(4)) expect(figures['firstInstructionSeconds']).toBeGreaterThan(0);
  });

  test('a peer that is not there is named, and quick runs are not for the page', async ({ box }) => {
    const said = await bench(box.dir, '--only', 'chain', '--peers', 'dask');
    expect(said).toMatch(/^dask: skipped/m);
    const file = 'fixpoint-bench/results.jsonl';
    expect(results(box.read(file)).map(({ tool }) => tool)).toEqual(['fixpoint']);
    expect(newestResults(box.path(file))).toEqual([]);
  });
});
