import { API_VERSION } from '../../apis/meta.ts';
import type { TaskItem } from '../../apis/task-view.ts';
import { isGlob, parseGlob } from '../../base/glob.ts';
import { matchesLabels } from '../../base/label-selector.ts';
import type { Home, WorkflowRef } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { CommandFailure, EXIT, orExit, usage } from '../exit-code.ts';
import { orServerStopped, printList, printValue, untilInterrupted } from '../output.ts';
import { renderTable } from '../render/table.ts';
import { taskHeaders, taskRow } from '../render/workflow-table.ts';
import { selectorOf } from './get-workflows.ts';

const FORMATS = ['wide', 'name', 'json', 'yaml'] as const;
type Format = (typeof FORMATS)[number] | undefined;

export async function getTasks(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', FORMATS);
  const ref = context.workflow(1);
  const wanted = wantedTasks(context);
  const connection = await connect(context.io, context.where, 'read');
  try {
    const start = orExit(await connection.home.get(ref)).metadata.resourceVersion;
    await show(context, format, await fetch(connection.home, ref, context.words.slice(2), wanted));
    if (!context.flag('watch')) return EXIT.done;
    return await follow(context, connection.home, ref, format, start, wanted);
  } finally {
    await connection.close();
  }
}

type Wanted = (task: TaskItem) => boolean;

/** Keys, globs (a fan-out's name means all of its elements) and labels. */
function wantedTasks(context: CommandContext): Wanted {
  const selector = selectorOf(context);
  const patterns = context.words.slice(2).map((text) => {
    const glob = parseGlob(text);
    if (!glob.ok) throw usage(glob.error);
    return (key: string) => key === text || key.startsWith(`${text}/`) || glob.value.matches(key);
  });
  return (task) =>
    matchesLabels(selector, task.metadata.labels) &&
    (patterns.length === 0 || patterns.some((matches) => matches(task.metadata.name)));
}

async function fetch(
  home: Home,
  ref: WorkflowRef,
  names: readonly string[],
  wanted: Wanted,
): Promise<readonly TaskItem[]> {
  const items = orExit(await home.tasks(ref)).filter(wanted);
  const literal = names.find((name) => !isGlob(name));
  if (items.length === 0 && literal !== undefined) {
    throw new CommandFailure(EXIT.notFound, `workflow ${ref.name} has no task ${literal}`);
  }
  return items;
}

async function show(context: CommandContext, format: Format, items: readonly TaskItem[]): Promise<void> {
  const { io } = context;
  if (format === 'json' || format === 'yaml') {
    return printList(io, format, { apiVersion: API_VERSION, kind: 'TaskList' }, items);
  }
  if (format === 'name') {
    for (const item of items) await io.stdout.write(`${item.metadata.name}\n`);
    return;
  }
  if (items.length === 0) return io.stderr.write('No tasks found.\n');
  const options = { wide: format === 'wide', now: io.clock.now() };
  const rows = items.map((item) => taskRow(item, options));
  await io.stdout.write(renderTable(taskHeaders(options), rows));
}

/** There is no watch on tasks: events say which changed, and those are shown as they stand then. */
async function follow(
  context: CommandContext,
  home: Home,
  ref: WorkflowRef,
  format: Format,
  after: string,
  wanted: Wanted,
): Promise<number> {
  const { io } = context;
  const { signal, end } = untilInterrupted(io);
  const shown = new Map<string, string>();
  try {
    for await (const event of home.events(ref, { after, follow: true, signal })) {
      if (event.task === undefined) continue;
      const found = await home.tasks(ref, { name: event.task });
      const task = found.ok ? found.value.find((item) => item.metadata.name === event.task) : undefined;
      if (task === undefined || !wanted(task)) continue;
      const text = await changeText(context, format, task);
      if (shown.get(event.task) === text) continue;
      shown.set(event.task, text);
      await io.stdout.write(text);
      if (io.stdout.closed()) break;
    }
    return orServerStopped(io, signal);
  } finally {
    end();
  }
}

async function changeText(context: CommandContext, format: Format, task: TaskItem): Promise<string> {
  if (format === 'json') return `${JSON.stringify(task)}\n`;
  if (format === 'name') return `${task.metadata.name}\n`;
  if (format === 'yaml') {
    await printValue(context.io, 'yaml', task);
    return '---\n';
  }
  const options = { wide: format === 'wide', now: context.io.clock.now() };
  const table = renderTable(taskHeaders(options), [taskRow(task, options)]);
  return table.slice(table.indexOf('\n') + 1);
}
