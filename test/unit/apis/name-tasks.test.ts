import { expect, test } from 'vitest';
import { nameTasks } from '../../../src/apis/name-tasks.ts';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import { workflow } from './documents.ts';

function names(tasks: string): string[] {
  const { documents, diagnostics } = readWorkflows(workflow(`tasks:\n${tasks}`), 'a.yaml');
  expect(diagnostics).toEqual([]);
  return documents[0]?.document.spec.tasks.map((task) => task.name) ?? [];
}

test('J-27 two unnamed identical tasks get distinct names', () => {
  const [first, second] = names('  - run: echo\n  - run: echo');
  expect(first).toMatch(/^step-[a-z2-7]{8}-1$/);
  expect(second).toBe(first?.replace(/1$/, '2'));
});

test('a generated name depends on the content alone, not on layout, order of keys or neighbours', () => {
  const [name] = names('  - {run: echo, priority: 1}');
  expect(names('  - {name: other, run: z}\n  - priority: 1\n    run: "echo" # comment\n  - run: more')[1]).toBe(name);
  expect(names('  - {run: echo, priority: 2}')[0]).not.toBe(name);
});

test('a generated name avoids one that is written', () => {
  const [name] = names('  - run: echo');
  expect(names(`  - {name: ${name}, run: z}\n  - run: echo`)[1]).toBe(name?.replace(/1$/, '2'));
});

test('a null name is none, an empty one is an error', () => {
  expect(names('  - {name: null, run: echo}')[0]).toMatch(/^step-/);
  expect(readWorkflows(workflow('tasks: [{name: "", run: x}]'), 'a.yaml').diagnostics).toMatchObject([
    { code: 'E-NAME' },
  ]);
});

test('what is no workflow comes back as it is', () => {
  for (const value of [null, 1, [], {}, { spec: 1 }, { spec: { tasks: 'x' } }, { spec: { tasks: [null, 1] } }]) {
    expect(nameTasks(value)).toBe(value);
  }
});
