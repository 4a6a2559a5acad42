import { readFileSync } from 'node:fs';
import type { WorkflowDocument } from '../../../src/apis/workflow.ts';
import { importWfFormat } from '../../../src/sources/wfformat.ts';
import { type Model, type ModelTask, plainTask } from './model.ts';

/** An instance as the importer gives it, burning no time and writing no more than it must. */
export function importInstance(name: string): WorkflowDocument {
  const file = new URL(`../../../examples/wfinstances/${name}.json`, import.meta.url);
  const imported = importWfFormat(JSON.parse(readFileSync(file, 'utf8')), { timeScale: 0, sizeScale: 0 });
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));
  return imported.value;
}

/** The same as a model; `documentOf` makes the imported tasks of it again. */
export function modelOf(document: WorkflowDocument): Model {
  const pending = [...document.spec.tasks];
  const makers = new Map(pending.flatMap((task) => (task.outputs ?? []).map(({ path }) => [path, task.name] as const)));
  const ranks = new Map<string, number>();
  const tasks: ModelTask[] = [];
  // Ranks by repeated passes: instances are small and mostly in order.
  while (pending.length > 0) {
    const ready = pending.findIndex((task) => {
      const paths = (task.inputs ?? []).flatMap((input) => input.paths ?? []);
      const upstreams = [...paths.map((path) => makers.get(path) ?? ''), ...(task.dependsOn ?? [])];
      return upstreams.every((name) => ranks.has(name));
    });
    const [spec] = pending.splice(ready, 1);
    if (ready < 0 || !spec) throw new Error('the instance has a cycle, or an input that nobody makes');
    ranks.set(spec.name, ranks.size);
    tasks.push({
      ...plainTask(spec.name, ranks.size, 'Recorded'),
      inputs: (spec.inputs ?? []).map(({ name, paths }) => ({ name, paths: paths ?? [], list: true })),
      dependsOn: spec.dependsOn ?? [],
      outputs: (spec.outputs ?? []).map(({ name, path }) => ({ name, path: path ?? '' })),
    });
  }
  return { tasks, params: { p0: 'a' }, setup: document.spec.defaults?.setup };
}
