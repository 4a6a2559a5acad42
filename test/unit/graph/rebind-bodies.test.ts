import { describe, expect, test } from 'vitest';
import type { TaskSpec, WorkflowSpec } from '../../../src/apis/workflow.ts';
import { type BuiltGraph, buildGraph } from '../../../src/graph/build.ts';
import type { Graph, GraphTask } from '../../../src/graph/graph.ts';
import { definitionDigest } from '../../../src/graph/identity.ts';
import { Random } from '../../simulation/random.ts';
import { documentOf, edit, FOLDER, randomModel } from '../../simulation/random-workflow.ts';

// A graph that was made of an earlier one is the graph that would be made from nothing.

const EDITS = Number(process.env['FIXPOINT_PROPERTY_RUNS'] ?? 400);

function build(spec: WorkflowSpec, before?: BuiltGraph): BuiltGraph {
  const built = buildGraph({ name: 'w', namespace: 'default', spec, folder: FOLDER, sheets: new Map() }, before);
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value;
}

/** All that anybody reads of it. */
function dataOf({ graph, expanded }: BuiltGraph): unknown {
  const { tasks, byKey, producers, templates, order, rank, downstream, folder, workdir } = graph;
  return {
    byKey: [...byKey],
    producers: [...producers],
    templates: templates.map(({ spec, index }) => ({ index, spec })),
    order: [...order],
    rank: [...rank],
    downstream,
    folder,
    workdir,
    expanded: [...expanded].map(([name, { first, fanOut, template, elements }]) => {
      return { name, first, fanOut, spec: template.spec, elements };
    }),
    tasks: tasks.map((task) => ({
      index: task.index,
      key: task.key,
      kind: task.kind,
      template: task.template,
      spec: task.spec,
      item: task.item,
      elementKey: task.elementKey,
      inputs: task.inputs,
      outputs: task.outputs.map((o) => [o.name, o.form, o.path, o.relative, o.type, o.optional, o.fingerprint, o.spec]),
      mentions: task.mentions,
      upstream: task.upstream,
      triggerRule: task.triggerRule,
      allowFailure: task.allowFailure,
      priority: task.priority,
      fanout: task.fanout,
      workdir: task.workdir,
      preimage: preimageOf(task),
      handling: task.handling,
      code: task.code,
    })),
  };
}

function preimageOf({ preimage }: GraphTask): unknown {
  const { template, templateDigest, values } = preimage;
  return { template, templateDigest, values, definition: definitionDigest(preimage, {}) };
}

function sharedTasks(a: Graph, b: Graph): string[] {
  return b.tasks.filter((task) => a.tasks[task.index] === task).map(({ key }) => key);
}

describe('a graph made of the one before', () => {
  test('is the one that is made from nothing, after any edit', () => {
    const random = new Random(7);
    let kept = 0;
    for (let round = 0; round < EDITS; round++) {
      let model = randomModel(random);
      let before = build(documentOf(model).spec);
      for (let generation = 0; generation < 3; generation++) {
        model = edit(model, random).model;
        const { spec } = documentOf(model);
        const edited = build(spec, before);
        expect(dataOf(edited)).toEqual(dataOf(build(spec)));
        if (edited.graph.order === before.graph.order) kept++;
        before = edited;
      }
    }
    // Edits of both kinds are among them.
    expect(kept).toBeGreaterThan(EDITS / 4);
    expect(kept).toBeLessThan(3 * EDITS);
  });

  const fan: TaskSpec = {
    name: 'fan',
    foreach: { items: ['a', 'b'] },
    outputs: [{ name: 'o', path: 'o/${{ key }}' }],
    run: 'echo ${{ params.word }} > ${{ outputs.o }}',
  };
  const join: TaskSpec = { name: 'join', dependsOn: ['fan'], run: 'true' };
  const spec = { params: { word: 'x', place: 'p', one: 'a' }, tasks: [fan, join] } satisfies WorkflowSpec;

  test('has the tasks of entries that were not edited, the very same', () => {
    const before = build(spec);
    const edited = build({ ...spec, tasks: [fan, { ...join, run: 'false' }] }, before);
    expect(sharedTasks(before.graph, edited.graph)).toEqual(['fan/a', 'fan/b', 'fan']);
    expect(edited.graph.downstream).toBe(before.graph.downstream);
    const again = build({ ...spec, params: { ...spec.params, word: 'y' } }, before);
    expect(sharedTasks(before.graph, again.graph)).toEqual(['join', 'fan']);
    const [old, now] = [before, again].map(({ graph }) => preimageOf(graph.tasks[0] as GraphTask));
    expect(now).not.toEqual(old);
  });

  test.each<[string, WorkflowSpec]>([
    ['an element', { ...spec, tasks: [{ ...fan, foreach: { items: ['a', 'c'] } }, join] }],
    ['an output', { ...spec, tasks: [{ ...fan, outputs: [{ name: 'o', path: 'q/${{ key }}' }] }, join] }],
    ['an edge', { ...spec, tasks: [fan, { ...join, dependsOn: [], after: ['fan'] }] }],
    ['a mention', { ...spec, tasks: [fan, { ...join, run: 'cat ${{ tasks.fan.outputs.o }}' }] }],
    ['the order', { ...spec, tasks: [join, fan] }],
    ['a task', { ...spec, tasks: [fan, join, { name: 'more', run: 'true' }] }],
    ['what is forgiven', { ...spec, tasks: [{ ...fan, allowFailure: true }, join] }],
    ['a gate', { ...spec, tasks: [fan, { name: 'join', dependsOn: ['fan'] }] }],
    ['a setting', { ...spec, convergence: 'ResetDescendants' }],
  ])('is made anew where %s is another', (_, edited) => {
    const before = build(spec);
    const after = build(edited, before);
    expect(after.graph.order).not.toBe(before.graph.order);
    expect(dataOf(after)).toEqual(dataOf(build(edited)));
  });

  test.each<[string, TaskSpec]>([
    ['an output', { ...fan, outputs: [{ name: 'o', path: '${{ params.place }}/${{ key }}' }] }],
    ['the folder', { ...fan, workdir: '${{ params.place }}' }],
    ['an input', { ...fan, inputs: [{ name: 'i', path: '${{ params.place }}', external: true }] }],
    ['the elements', { ...fan, foreach: { range: { count: '${{ size(params.place) }}' } } }],
  ])('is made anew where %s uses a parameter that is another', (_, task) => {
    const before = build({ ...spec, tasks: [task, join] });
    const edited = { ...spec, params: { ...spec.params, place: 'elsewhere' }, tasks: [task, join] };
    const after = build(edited, before);
    expect(after.graph.order).not.toBe(before.graph.order);
    expect(dataOf(after)).toEqual(dataOf(build(edited)));
  });

  test('is made anew where a parameter chooses which element is read', () => {
    const reader: TaskSpec = { name: 'reader', run: 'cat ${{ tasks.fan.at(params.one).outputs.o }}' };
    const before = build({ ...spec, tasks: [fan, reader] });
    const edited = { ...spec, params: { ...spec.params, one: 'b' }, tasks: [fan, reader] };
    const after = build(edited, before);
    expect(after.graph.tasks[2]?.upstream.map(({ from }) => from)).toEqual([1]);
    expect(dataOf(after)).toEqual(dataOf(build(edited)));
  });
});

test('a reference to a secret counts, and an edit of it is noticed, unless it is excluded', () => {
  const spec = (name: string, identity?: 'Exclude'): WorkflowSpec => ({
    tasks: [
      {
        name: 'a',
        command: ['true'],
        env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name, key: 'k' } }, ...(identity ? { identity } : {}) }],
      },
    ],
  });
  const definition = ({ graph }: BuiltGraph): string => definitionDigest((graph.tasks[0] as GraphTask).preimage, {});
  const first = build(spec('one'));
  expect(definition(build(spec('two'), first))).not.toBe(definition(first));
  expect(definition(build(spec('one'), first))).toBe(definition(first));
  const excluded = build(spec('one', 'Exclude'));
  const other = build(spec('two', 'Exclude'), excluded);
  expect(definition(other)).toBe(definition(excluded));
  expect(other.graph.tasks[0]?.handling).not.toBe(excluded.graph.tasks[0]?.handling);
});
