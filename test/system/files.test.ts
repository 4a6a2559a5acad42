import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { TaskItem } from '../../src/apis/task-view.ts';
import { test } from '../rig/in-sandbox.ts';

test('a task staged by links runs in a folder of its own and publishes its outputs', async ({ box }) => {
  box.write('data/in.txt', 'hello\n');
  box.write(
    'w.yaml',
    `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  tasks:
    - name: link
      staging: Link
      inputs: [{name: i, path: data/in.txt}]
      outputs: [{name: o, path: out/o.txt}]
      run: |
        cat data/in.txt \${{ inputs.i }} > \${{ outputs.o }}
        echo scratch > scratch.txt
    - name: read
      inputs: [{name: o, path: "\${{ tasks.link.outputs.o }}"}]
      outputs: [{name: lines, path: lines.txt}]
      run: wc -l < \${{ inputs.o }} > \${{ outputs.lines }}
`,
  );
  await box.expectExit(0, 'run', box.path('w.yaml'));
  expect(box.read('out/o.txt')).toBe('hello\nhello\n');
  expect(box.read('lines.txt').trim()).toBe('2');
  expect(existsSync(box.path('scratch.txt'))).toBe(false);
});

test('patterns: what matches when a task starts is what it reads, and a change in it runs the task again', async ({
  box,
}) => {
  box.write('parts/own.txt', 'own\n');
  box.write(
    'w.yaml',
    `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  tasks:
    - name: make
      outputs: [{name: parts, glob: "made/*.txt"}]
      run: mkdir -p made; echo a > made/a.txt; echo b > "made/b c.txt"
    - name: mention
      outputs: [{name: o, path: mention.txt}]
      run: cat \${{ tasks.make.outputs.parts }} > \${{ outputs.o }}
    - name: own
      inputs: [{name: all, glob: "parts/*.txt"}]
      outputs: [{name: o, path: own.out}, {name: list, path: list.out}]
      run: |
        cat \${{ inputs.all }} > \${{ outputs.o }}
        cat "$FIXPOINT_INPUTS/all" > \${{ outputs.list }}
`,
  );
  await box.expectExit(0, 'run', box.path('w.yaml'));
  expect(box.read('mention.txt')).toBe('a\nb\n');
  expect(box.read('own.out')).toBe('own\n');
  expect(box.read('list.out')).toBe(`${box.path('parts/own.txt')}\n`);
  box.write('parts/second.txt', 'second\n');
  await box.expectExit(0, 'run', box.path('w.yaml'));
  expect(box.read('own.out')).toBe('own\nsecond\n');
});

describe('patterns as outputs, and files of others', () => {
  const spec = (count: number) => ({
    tasks: [
      {
        name: 'split',
        outputs: [{ name: 'parts', glob: 'parts/*.txt' }],
        run: `mkdir -p parts; for i in $(seq ${count}); do echo $i > parts/$i.txt; done`,
      },
      { name: 'join', outputs: [{ name: 'o', path: 'all' }], run: 'cat ${{ tasks.split.outputs.parts }} > all' },
    ],
  });

  test('of fewer parts nothing old is left, and what a person put there is kept', async ({ box }) => {
    await box.expectExit(0, 'run', box.workflow(spec(3)));
    expect(box.read('all')).toBe('1\n2\n3\n');
    box.write('parts/notes.txt', 'mine\n');
    await box.expectExit(0, 'run', box.workflow(spec(2)));
    expect(box.read('all')).toBe('1\n2\n');
    await box.expectExit(0, 'run', box.workflow(spec(1)));
    expect(box.read('all')).toBe('1\n');
    const kept = readdirSync(box.path('.fixpoint/runs'), { recursive: true, encoding: 'utf8' });
    expect(kept.filter((name) => name.endsWith('notes.txt'))).toHaveLength(1);
  });

  test('what no attempt has made is not touched: the task says so and does not run', async ({ box }) => {
    box.write('parts/notes.txt', 'mine\n');
    await box.expectExit(1, 'run', box.workflow(spec(2)));
    expect(box.read('parts/notes.txt')).toBe('mine\n');
    const { status } = (await box.tasks()).get('split') as TaskItem;
    expect(status.attempts.at(-1)).toMatchObject({ phase: 'Failed', reason: 'InvalidValue' });
    expect(status.attempts.at(-1)?.message).toContain('notes.txt');
  });

  test('a folder may be a link', async ({ box }) => {
    box.write('elsewhere/.keep', '');
    symlinkSync(box.path('elsewhere'), box.path('parts'));
    await box.expectExit(0, 'run', box.workflow(spec(2)));
    await box.expectExit(0, 'run', box.workflow(spec(1)));
    expect(box.read('all')).toBe('1\n');
    await box.expectExit(0, 'run', box.workflow(spec(1)));
    expect((await box.summary())['split']).toBe('Succeeded 2');
  });
});

test('in a folder of its own, a file of the document lies where the task looks for it and where it is said to', async ({
  box,
}) => {
  const file = box.workflow({
    tasks: [
      {
        name: 'a',
        staging: 'Link',
        files: [{ name: 'conf', path: 'conf.txt', content: 'set' }],
        outputs: [{ name: 'o', path: 'o' }],
        run: 'cat conf.txt ${{ files.conf }} > ${{ outputs.o }}',
      },
    ],
  });
  await box.expectExit(0, 'run', file);
  expect(box.read('o')).toBe('setset');
  expect(existsSync(box.path('conf.txt'))).toBe(false);
});
