import type { Workflow } from '../../apis/workflow.ts';
import { type LabelSelector, matchesLabels, parseLabelSelector } from '../../base/label-selector.ts';
import type { Home } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';
import { orServerStopped, printList, printValue, untilInterrupted } from '../output.ts';
import { renderTable } from '../render/table.ts';
import { type TableOptions, workflowHeaders, workflowRow } from '../render/workflow-table.ts';

const FORMATS = ['wide', 'name', 'json', 'yaml'] as const;
type Format = (typeof FORMATS)[number] | undefined;

export async function getWorkflows(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', FORMATS);
  const names = context.words.slice(1);
  const selector = selectorOf(context);
  if (names.length > 0 && context.text('selector') !== undefined) throw usage('names and -l exclude each other');
  const connection = await connect(context.io, context.where, 'read');
  try {
    const { items, resourceVersion } = await fetch(connection.home, context, names, selector);
    await show(context, format, items, names.length === 1);
    if (!context.flag('watch')) return EXIT.done;
    return await follow(context, connection.home, format, { names, selector, resourceVersion });
  } finally {
    await connection.close();
  }
}

export function selectorOf(context: CommandContext): LabelSelector {
  const parsed = parseLabelSelector(context.text('selector') ?? '');
  if (!parsed.ok) throw usage(`-l: ${parsed.error}`);
  return parsed.value;
}

async function fetch(home: Home, context: CommandContext, names: readonly string[], selector: LabelSelector) {
  if (names.length === 1 && !context.flag('watch')) {
    return {
      items: [orExit(await home.get({ namespace: context.namespace, name: names[0] ?? '' }))],
      resourceVersion: '',
    };
  }
  const listed = await home.list(context.flag('allNamespaces') ? undefined : context.namespace);
  if (names.length === 0) {
    return { ...listed, items: listed.items.filter((item) => matchesLabels(selector, item.metadata.labels)) };
  }
  const byName = new Map(listed.items.map((item) => [item.metadata.name, item]));
  const items: Workflow[] = [];
  for (const name of names) {
    // Asking again for one that the list lacks gives the home's own words for that.
    items.push(byName.get(name) ?? orExit(await home.get({ namespace: context.namespace, name })));
  }
  return { items, resourceVersion: listed.resourceVersion };
}

async function show(
  context: CommandContext,
  format: Format,
  items: readonly Workflow[],
  single: boolean,
): Promise<void> {
  const { io } = context;
  if (format === 'json' || format === 'yaml') {
    if (single) return printValue(io, format, items[0]);
    return printList(io, format, { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' } }, items);
  }
  if (format === 'name') return io.stdout.write(items.map(nameLine).join(''));
  if (items.length === 0 && !context.flag('watch')) return io.stderr.write('No workflows found.\n');
  const options = tableOptions(context, format);
  const rows = items.map((item) => workflowRow(item, options));
  await io.stdout.write(renderTable(workflowHeaders(options), rows));
}

interface Followed {
  readonly names: readonly string[];
  readonly selector: LabelSelector;
  readonly resourceVersion: string;
}

async function follow(context: CommandContext, home: Home, format: Format, what: Followed): Promise<number> {
  const { io } = context;
  const { signal, end } = untilInterrupted(io);
  const namespace = context.flag('allNamespaces') ? undefined : context.namespace;
  const name = what.names.length === 1 ? what.names[0] : undefined;
  try {
    for await (const { object, type } of home.watch({
      namespace,
      name,
      resourceVersion: what.resourceVersion,
      signal,
    })) {
      if (io.stdout.closed()) break;
      if (what.names.length > 0 && !what.names.includes(object.metadata.name)) continue;
      if (!matchesLabels(what.selector, object.metadata.labels)) continue;
      await io.stdout.write(await changeText(context, format, object, type));
    }
    return orServerStopped(io, signal);
  } finally {
    end();
  }
}

async function changeText(context: CommandContext, format: Format, object: Workflow, type: string): Promise<string> {
  if (format === 'json') return `${JSON.stringify(object)}\n`;
  if (format === 'yaml') {
    const { printYaml } = await import('../../apis/print-yaml.ts');
    return `---\n${printYaml(object)}`;
  }
  if (format === 'name') return nameLine(object);
  const options = tableOptions(context, format);
  const row = workflowRow(object, options);
  if (type === 'DELETED') row[options.namespaces === true ? 2 : 1] = 'Deleted';
  // Under the header of the first table, whose widths are the best guess; a longer cell pushes its line.
  const table = renderTable(workflowHeaders(options), [row]);
  return table.slice(table.indexOf('\n') + 1);
}

function nameLine(workflow: Workflow): string {
  return `workflow.fixpoint.dev/${workflow.metadata.name}\n`;
}

function tableOptions(context: CommandContext, format: Format): TableOptions {
  return {
    wide: format === 'wide',
    now: context.io.clock.now(),
    namespaces: context.flag('allNamespaces'),
  };
}
