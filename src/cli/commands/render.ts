import { API_VERSION } from '../../apis/meta.ts';
import type { WorkflowDocument } from '../../apis/workflow.ts';
import type { Graph, GraphTask } from '../../graph/graph.ts';
import type { CommandContext } from '../command.ts';
import { loadAll, onlyDocument } from '../documents.ts';
import { EXIT } from '../exit-code.ts';
import { applyParams, buildLocally } from '../local-check.ts';
import { printValue } from '../output.ts';
import { showDiagnostics, stopAtErrors } from '../report.ts';

/** Two objects: the Workflow with every task merged with its defaults, and the tasks that it expands to. */
export async function run(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', ['json', 'yaml']) ?? 'yaml';
  const file = context.words[0] ?? '';
  const loaded = await loadAll(context.io, [file], { namespace: context.text('namespace') });
  await stopAtErrors(context.io, loaded.diagnostics, undefined);
  const one = await applyParams(context, onlyDocument(loaded, file));
  const built = await buildLocally(one);
  if (!built.ok) {
    await showDiagnostics(context.io, built.error, undefined);
    return EXIT.invalid;
  }
  await showDiagnostics(context.io, built.value.warnings.map(one.locate), undefined);
  const workflow = mergedDocument(one.document, built.value.graph);
  const tasks = { apiVersion: API_VERSION, kind: 'TaskList', items: expandedTasks(built.value.graph) };
  if (format === 'json') {
    await printValue(context.io, 'json', { apiVersion: 'v1', kind: 'List', items: [workflow, tasks] });
    return EXIT.done;
  }
  await printValue(context.io, 'yaml', workflow);
  await context.io.stdout.write('---\n');
  await printValue(context.io, 'yaml', tasks);
  return EXIT.done;
}

/** The defaults are in every task now, so the field itself is left out. */
function mergedDocument(document: WorkflowDocument, graph: Graph): WorkflowDocument {
  const { defaults: _defaults, ...spec } = document.spec;
  return { ...document, spec: { ...spec, tasks: graph.templates.map((template) => template.spec) } };
}

function expandedTasks(graph: Graph): object[] {
  const keyOf = (index: number): string => graph.tasks[index]?.key ?? '';
  return graph.tasks.filter((task) => task.kind !== 'Barrier').map((task) => expandedTask(task, keyOf));
}

function expandedTask(task: GraphTask, keyOf: (index: number) => string): object {
  return {
    metadata: { name: task.key },
    ...(task.item === undefined ? {} : { item: task.item }),
    workdir: task.workdir,
    inputs: task.inputs.map(({ name, paths }) => ({ name, paths })),
    outputs: task.outputs.map(({ name, path }) => ({ name, path })),
    upstream: task.upstream.map(({ from, kind }) => ({ task: keyOf(from), kind })),
    values: task.preimage.values,
  };
}
