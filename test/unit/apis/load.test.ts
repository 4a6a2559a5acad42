import { expect, test } from 'vitest';
import { loadWorkflows } from '../../../src/apis/load.ts';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import { EVERYTHING, workflow } from './documents.ts';

function large(extra = ''): string {
  const tasks = Array.from({ length: 1500 }, (_, i) => `  - {name: t${i}, run: "echo ${i}", dependsOn: [x]}`);
  return workflow(`params: {__proto__: {z: 1}}\ntasks:\n${tasks.join('\n')}${extra}`);
}

test('a small text is read at once, a large one in a thread, and both read the same', async () => {
  for (const text of [EVERYTHING, large()]) {
    const { documents, diagnostics } = await loadWorkflows(text, 'a.yaml');
    expect(diagnostics).toEqual([]);
    expect(documents.map(({ document }) => document)).toEqual(
      readWorkflows(text, 'a.yaml').documents.map(({ document }) => document),
    );
  }
});

test('keys of the prototype survive the thread as keys', async () => {
  const { documents } = await loadWorkflows(large(), 'a.yaml');
  const params = documents[0]?.document.spec.params ?? {};
  expect(Object.keys(params)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(params)).toBe(Object.prototype);
});

test('a document of the thread can still say where something stands', async () => {
  const { documents } = await loadWorkflows(large(), 'dir/a.yaml');
  const located = documents[0]?.locate({
    severity: 'error',
    code: 'E-X',
    path: ['spec', 'tasks', 1499, 'run'],
    message: 'x',
    offset: 2,
  });
  expect(located).toMatchObject({ file: 'dir/a.yaml', line: 1506, column: 29 });
});

test('diagnostics of the thread have places, in the order of the file', async () => {
  const { documents, diagnostics } = await loadWorkflows(
    large('\n  - {name: u, nonsense: 1}\n  - {name: v, run: 5}'),
    'a.yaml',
  );
  expect(documents).toEqual([]);
  expect(diagnostics).toMatchObject([
    { code: 'E-UNKNOWN-FIELD', line: 1507, column: 17 },
    { code: 'E-TYPE', line: 1508, column: 22 },
  ]);
});

test('large texts that come together are all answered', async () => {
  const answers = await Promise.all(
    [large(), 'a: ['.padEnd(100_000, ' '), large()].map((text) => loadWorkflows(text, 'a.yaml')),
  );
  expect(answers.map(({ documents }) => documents.length)).toEqual([1, 0, 1]);
  expect(answers[1]?.diagnostics.length).toBeGreaterThan(0);
});

test('a text above the limit is refused without a thread', async () => {
  const { diagnostics } = await loadWorkflows('x'.repeat(100 * 1024 * 1024), 'a.yaml');
  expect(diagnostics).toMatchObject([{ code: 'E-TOO-LARGE', line: 1, column: 1 }]);
});
