import { existsSync } from 'node:fs';
import { expect } from 'vitest';
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
