import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldIndexes, parseIndexes } from '../../../../src/backends/slurm/job-indexes.ts';
import { parseSacct, parseSqueue } from '../../../../src/backends/slurm/queue-rows.ts';
import { isSubmissionName } from '../../../../src/backends/slurm/submission.ts';

describe('indexes', () => {
  test.each([
    ['0', [[0, 0, 1]]],
    [
      '0-3,7',
      [
        [0, 3, 1],
        [7, 7, 1],
      ],
    ],
    ['[0-20:5%4]', [[0, 20, 5]]],
    ['N/A', undefined],
    ['', undefined],
    ['1,x', undefined],
  ])('%s', (text, ranges) => expect(parseIndexes(text)).toEqual(ranges));

  test('folded and read again they are the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(2_000), { minLength: 1, maxLength: 300 }), (indexes) => {
        const all = (parseIndexes(foldIndexes(indexes)) ?? []).flatMap(([first, last]) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        );
        expect(all).toEqual([...indexes].sort((a, b) => a - b));
      }),
    );
  });

  test('runs are one part', () => expect(foldIndexes([3, 1, 2, 9, 7, 8, 1])).toBe('1-3,7-9'));
});

describe('squeue', () => {
  const text = [
    'fx-a|12|281-3399%50|PENDING||Resources',
    'fx-a|12|7|RUNNING|n1|None',
    'fx-a|12|8|COMPLETED|n2|None',
    'fx-b|13|N/A|FAILED|n1|NonZeroExitCode',
    'theirs|14|N/A|RUNNING|n1|None',
    'fx-c|15|N/A|PENDING||(A, strange | reason)',
    'slurm: noise',
    '',
  ].join('\n');
  const jobs = parseSqueue(text, isSubmissionName);

  test('an element has its own row, or that of the range it waits in', () => {
    const rows = jobs.get('fx-a')?.get('12');
    expect(rows?.of(7)).toEqual({ state: 'RUNNING', node: 'n1', why: '' });
    expect(rows?.of(300)).toMatchObject({ state: 'PENDING', why: 'Resources' });
    expect(rows?.of(280)).toBeUndefined();
  });

  test('a job that is no array is its only element', () => {
    expect(jobs.get('fx-b')?.get('13')?.of(0)?.state).toBe('FAILED');
    expect(jobs.get('fx-c')?.get('15')?.of(0)?.why).toBe('(A, strange | reason)');
  });

  test('jobs of others are nobody of ours', () => expect([...jobs.keys()]).toEqual(['fx-a', 'fx-b', 'fx-c']));

  test('an id that bears another name now is not found under ours', () => {
    expect(parseSqueue('fx-z|12|N/A|RUNNING|n1|None', isSubmissionName).get('fx-a')).toBeUndefined();
  });
});

describe('sacct', () => {
  const jobs = parseSacct(
    [
      'allocation|6641|FAILED|3:0|n1',
      'fx-a|6641_3|FAILED|3:0|n1',
      'fx-a|6641_[4-6]|PENDING|0:0|None assigned',
      'fx-b|6650|CANCELLED by 0|0:0|None assigned',
    ].join('\n'),
    isSubmissionName,
  );

  test('its stand-ins are nobody', () => expect([...jobs.keys()]).toEqual(['fx-a', 'fx-b']));

  test('elements by index', () => {
    expect(jobs.get('fx-a')?.get('6641')?.of(3)).toEqual({ state: 'FAILED', node: 'n1', why: 'exit code 3:0' });
    expect(jobs.get('fx-a')?.get('6641')?.of(5)).toEqual({ state: 'PENDING', node: '', why: '' });
    expect(jobs.get('fx-b')?.get('6650')?.of(0)?.state).toBe('CANCELLED by 0');
  });
});
