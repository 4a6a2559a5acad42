import { describe, expect, test } from 'vitest';
import { slurmOptionProblem, splitOptions } from '../../../../src/apis/slurm-options.ts';
import type { SlurmOptions } from '../../../../src/apis/workflow.ts';
import { directivesOf } from '../../../../src/backends/slurm/directives.ts';

const needs = { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 };
const of = (slurm?: SlurmOptions, part: Partial<typeof needs> = {}) =>
  directivesOf({ needs: { ...needs, ...part }, slurm, graceMs: 10_000 });

test('what is not asked for is left to the site', () =>
  expect(of()).toEqual({ ok: true, value: ['--ntasks=1', '--cpus-per-task=1'] }));

test('resources', () => {
  const found = of(undefined, { cpu: 2.5, memoryBytes: 1024 ** 3 + 1, gpu: 2, walltimeMs: 3_600_000 });
  expect(found).toEqual({
    ok: true,
    // An hour, the grace, and a minute to spare.
    value: ['--ntasks=1', '--cpus-per-task=3', '--mem=1025M', '--gpus-per-node=2', '--time=62'],
  });
});

test('a limit is never below the walltime, the grace and what Slurm takes for itself', () => {
  for (const walltimeMs of [1, 59_999, 60_000, 110_000, 3_599_000]) {
    const found = of(undefined, { walltimeMs });
    const minutes = Number(found.ok && found.value.at(-1)?.slice('--time='.length));
    expect(minutes * 60_000).toBeGreaterThanOrEqual(walltimeMs + 10_000 + 60_000);
  }
});

test('options are words, whatever is in them', () => {
  const found = of({
    partition: 'gpu,long',
    constraint: "[a|b]&c; $(rm -rf x) '",
    exclusive: true,
    extraArgs: ['--nice=100', '--gres=lscratch:10'],
    extraOptions: `--mail-type=END --wckey="my key"`,
  });
  expect(found).toEqual({
    ok: true,
    value: [
      '--ntasks=1',
      '--cpus-per-task=1',
      '--partition=gpu,long',
      "--constraint=[a|b]&c; $(rm -rf x) '",
      '--exclusive',
      '--nice=100',
      '--gres=lscratch:10',
      '--mail-type=END',
      '--wckey=my key',
    ],
  });
});

describe('refused', () => {
  test.each([
    [{ partition: 'a\n#SBATCH --uid=0' }],
    [{ partition: '' }],
    [{ extraArgs: ['--job-name=x'] }],
    [{ extraArgs: ['--time=5'] }],
    [{ extraArgs: ['-p gpu'] }],
    [{ extraArgs: ['script.sh'] }],
    [{ extraArgs: ['--'] }],
    [{ extraOptions: '--nice 100' }],
    [{ extraOptions: `--wckey='open` }],
  ] as const)('%j', (slurm) => expect(of(slurm).ok).toBe(false));

  test.each([
    ['--array=0-9', /makes the arrays/],
    ['--requeue', /runs once/],
    ['--mem=4G', /resources\.memory/],
    ['--partition=x', /slurm\.partition/],
    // sbatch takes any beginning that is of one option only.
    ['--job-n=x', /short for --job-name/],
    ['--par=x', /short for --par/],
    ['--arr=0-99', /short for --array/],
    ['--JOB-NAME=x', /not written/],
  ])('%s', (word, why) => expect(slurmOptionProblem(word)).toMatch(why));

  test.each(['--nodes=2', '--nice', '--exclude=n1', '--hint=nomultithread', '--gpu-bind=none', '--mem-bind=local'])(
    '%s is not',
    (word) => expect(slurmOptionProblem(word)).toBeUndefined(),
  );
});

test.each([
  ['', []],
  ['  a  b ', ['a', 'b']],
  [`a"b c"d ''`, ['ab cd', '']],
  [`--x="a 'b'"`, [`--x=a 'b'`]],
  [`"a`, undefined],
])('%s is split', (text, words) => expect(splitOptions(text)).toEqual(words));
