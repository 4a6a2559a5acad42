import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { age, shortDuration } from '../../../src/cli/render/age.ts';
import { renderBecause } from '../../../src/cli/render/because.ts';
import { paint } from '../../../src/cli/render/color.ts';
import { renderEvent } from '../../../src/cli/render/event-line.ts';
import { graphDot, graphMermaid, graphText } from '../../../src/cli/render/graph.ts';
import { LogPrinter } from '../../../src/cli/render/log-printer.ts';
import { hasChanges, renderPlan } from '../../../src/cli/render/plan.ts';
import { Progress } from '../../../src/cli/render/progress.ts';
import { renderTable } from '../../../src/cli/render/table.ts';
import { clip, displayWidth, harmless, oneLine } from '../../../src/cli/render/terminal-text.ts';

const PLAIN = paint(false);
const ESCAPE = '\u001b[2J';

describe('tables', () => {
  test('as kubectl prints them', () => {
    expect(
      renderTable(
        ['NAME', 'STATUS'],
        [
          ['a-long-name', 'Running'],
          ['b', ''],
        ],
      ),
    ).toBe('NAME          STATUS\na-long-name   Running\nb\n');
  });

  test('wide characters keep the columns straight', () => {
    expect(
      renderTable(
        ['N', 'X'],
        [
          ['日本', '1'],
          ['ab', '2'],
        ],
      ),
    ).toBe('N      X\n日本   1\nab     2\n');
  });

  test('a cell is one line and commands nothing', () => {
    const text = renderTable(['N'], [[`x\ny${ESCAPE}`]]);
    expect(text).toBe('N\nx y\\x1b[2J\n');
  });
});

describe('text for terminals', () => {
  test('no control character gets through but line feed and tab', () => {
    const any = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(any, (text) => {
        expect(harmless(text)).not.toMatch(/(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        expect(oneLine(text)).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  test('clipping keeps to its width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        expect(displayWidth(clip(oneLine(text), columns))).toBeLessThanOrEqual(columns);
      }),
    );
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('abcd', 4)).toBe('abcd');
  });
});

test.each([
  [0, '0s'],
  [119_999, '119s'],
  [200_000, '3m20s'],
  [300_000, '5m'],
  [3_600_000, '60m'],
  [5 * 3_600_000 + 12 * 60_000, '5h12m'],
  [30 * 3_600_000, '30h'],
  [76 * 3_600_000, '3d4h'],
  [40 * 86_400_000, '40d'],
  [-5, '0s'],
])('%d ms is %j', (milliseconds, expected) => {
  expect(shortDuration(milliseconds)).toBe(expected);
});

test('an age that cannot be known says so', () => {
  expect(age(undefined, 0)).toBe('<unknown>');
  expect(age('nonsense', 0)).toBe('<unknown>');
  expect(age('1970-01-01T00:00:00.000Z', 45_000)).toBe('45s');
});

describe('logs', () => {
  const chunk = (task: string, text: string) => ({ task, attempt: 1, text });

  test('of one task are what it wrote, byte for byte, in a pipe', () => {
    const printer = new LogPrinter(false);
    expect(printer.add(chunk('a', `x${ESCAPE}`)) + printer.add(chunk('a', 'y')) + printer.finish()).toBe(`x${ESCAPE}y`);
  });

  test('of several say whose lines follow', () => {
    const printer = new LogPrinter(false);
    const text = ['a', 'b', 'a'].map((task) => printer.add(chunk(task, `${task}!`))).join('');
    expect(text).toBe('a!\n==> b (attempt 1) <==\nb!\n==> a (attempt 1) <==\na!');
  });

  test('command nothing on a terminal', () => {
    expect(new LogPrinter(true).add(chunk('a', ESCAPE))).toBe('\\x1b[2J');
  });
});

describe('plans', () => {
  const plan = (action: 'Keep' | 'Reset') => ({
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Plan' as const,
    summary: { Keep: 2, [action]: 2, Prune: 0 },
    tasks: [{ name: 'align/x', action, reason: 'Definition', because: [{ field: 'run', old: 'a', new: 'b' }] }],
  });

  test('show what changes, and why; kept tasks are counted', () => {
    expect(renderPlan(plan('Reset'), PLAIN)).toBe(
      '! align/x  Reset  Definition\n    run: "a" → "b"\nPlan: 2 Keep, 2 Reset.\n',
    );
    expect(renderPlan(plan('Keep'), PLAIN)).toBe('Nothing to do (2 Keep).\n');
    expect([hasChanges(plan('Keep')), hasChanges(plan('Reset'))]).toEqual([false, true]);
  });

  test('causes: a field, or the task upstream', () => {
    expect(renderBecause({ task: 'index' })).toBe('upstream index');
    expect(renderBecause({ field: 'env.X', new: 1 })).toBe('env.X: (none) → 1');
  });
});

describe('progress', () => {
  const workflow = (counts: Record<string, number>) => ({
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow' as const,
    metadata: { name: 'w', namespace: 'd', uid: 'u', generation: 1, resourceVersion: '1', creationTimestamp: '' },
    spec: { tasks: [] },
    status: {
      observedGeneration: 1,
      phase: 'Running' as const,
      reason: '',
      message: '',
      conditions: [],
      counts,
      progress: `${counts['Succeeded']}/100`,
    },
  });
  const event = (reason: string, task: string) => ({
    time: '',
    type: 'Normal' as const,
    reason,
    task,
    attempt: 1,
    message: '',
    resourceVersion: '1',
    workflow: 'w',
  });

  test('rate and time left, once enough is known', () => {
    const progress = new Progress();
    progress.see(workflow({ Succeeded: 0, Pending: 100 }), 0);
    expect(progress.estimateMs(1000)).toBeUndefined();
    progress.see(workflow({ Succeeded: 20, Pending: 80 }), 10_000);
    expect(progress.estimateMs(10_000)).toBe(40_000);
    expect(progress.lines(10_000, 80, PLAIN)[0]).toBe('w  Running  20/100, 2.0/s, about 40s left');
    progress.see(workflow({ Succeeded: 100 }), 50_000);
    expect(progress.estimateMs(50_000)).toBeUndefined();
  });

  test('lists what runs, up to a number, until it ends', () => {
    const progress = new Progress();
    progress.see(workflow({ Succeeded: 0 }), 0);
    for (let n = 0; n < 10; n++) progress.add(event('AttemptStarted', `t${n}\u001b[2J`), 0);
    const lines = progress.lines(5000, 80, PLAIN);
    expect(lines[1]).toBe('  t0\\x1b[2J  5s');
    expect(lines.at(-1)).toBe('  … and 2 more');
    for (let n = 0; n < 10; n++) progress.add(event('Completed', `t${n}\u001b[2J`), 0);
    expect(progress.lines(5000, 80, PLAIN)).toHaveLength(1);
  });

  test('fits the width', () => {
    const progress = new Progress();
    progress.see(workflow({ Succeeded: 1, Running: 3, Queued: 5, Failed: 7 }), 0);
    progress.add(event('AttemptStarted', 'x'.repeat(200)), 0);
    for (const line of progress.lines(0, 40, PLAIN)) expect(displayWidth(line)).toBeLessThanOrEqual(40);
  });
});

describe('graphs', () => {
  const graph = {
    tasks: [
      { name: 'c"];evil', phase: '' as const },
      { name: 'a', phase: 'Succeeded' as const },
    ],
    edges: [{ from: 1, to: 0, kind: 'After' as const }],
  };

  test('as text: upstream first', () => {
    expect(graphText(graph)).toBe('a  Succeeded\nc"];evil  <- a (after)\n');
  });

  test('a name stays inside its quotes', () => {
    expect(graphDot(graph)).toContain('t0 [label="c\\"];evil"];');
    expect(graphDot(graph)).toContain('t1 -> t0 [style=dashed];');
    expect(graphMermaid(graph)).toContain('t0["c#34;#93;#59;evil"]');
  });

  test('a cycle loses nobody', () => {
    const edges = [
      { from: 0, to: 1, kind: 'DependsOn' as const },
      { from: 1, to: 0, kind: 'DependsOn' as const },
    ];
    expect(graphText({ tasks: graph.tasks, edges }).trimEnd().split('\n')).toHaveLength(2);
  });
});

test('an event is one line', () => {
  const event = {
    time: '2026-01-02T03:04:05.678Z',
    type: 'Warning' as const,
    reason: 'AttemptEnded',
    task: 'align/x',
    attempt: 2,
    message: `exit\ncode 1${ESCAPE}`,
    resourceVersion: '1',
    workflow: 'w',
  };
  expect(renderEvent(event, PLAIN)).toBe('03:04:05.678 AttemptEnded align/x (attempt 2): exit code 1\\x1b[2J\n');
});
