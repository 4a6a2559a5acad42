import type { TaskItem } from '../../apis/task-view.ts';
import { isGlob, parseGlob } from '../../base/glob.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { CommandFailure, EXIT, orExit, usage } from '../exit-code.ts';
import { untilInterrupted } from '../output.ts';
import { LogPrinter } from '../render/log-printer.ts';

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const ref = context.workflow();
  const tasks = context.words.slice(1);
  const attempt = context.count('attempt');
  const tail = context.count('tail');
  const connection = await connect(io, context.where, 'read');
  const { signal, end } = untilInterrupted(io);
  try {
    orExit(await connection.home.get(ref));
    const items = tasks.length > 0 || attempt !== undefined ? orExit(await connection.home.tasks(ref)) : [];
    refuseUnknown(ref.name, items, tasks, attempt);
    const printer = new LogPrinter(io.stdout.isTerminal, tasks.length !== 1 || tasks.some(isGlob));
    const chunks = connection.home.logs(ref, {
      tasks: tasks.length === 0 ? undefined : tasks,
      attempt,
      tail,
      stream: context.flag('stderr') ? 'stderr' : 'stdout',
      follow: context.flag('follow'),
      signal,
    });
    for await (const chunk of chunks) {
      await io.stdout.write(printer.add(chunk));
      if (io.stdout.closed()) break;
    }
    await io.stdout.write(printer.finish());
    return EXIT.done;
  } finally {
    end();
    await connection.close();
  }
}

/** A name without a task, or a number that no named task has, is a mistake and not an empty log. */
function refuseUnknown(
  workflow: string,
  items: readonly TaskItem[],
  words: readonly string[],
  attempt: number | undefined,
): void {
  const named = new Set<TaskItem>();
  for (const word of words) {
    const glob = parseGlob(word);
    if (!glob.ok) throw usage(glob.error);
    const matching = items.filter(
      ({ metadata: { name } }) => name === word || name.startsWith(`${word}/`) || glob.value.matches(name),
    );
    if (matching.length === 0) throw new CommandFailure(EXIT.notFound, `workflow ${workflow} has no task ${word}`);
    for (const item of matching) named.add(item);
  }
  const has = ({ status }: TaskItem): boolean => status.attempts.some(({ number }) => number === attempt);
  if (attempt !== undefined && words.length > 0 && ![...named].some(has))
    throw new CommandFailure(EXIT.notFound, `${words.join(', ')}: no attempt ${attempt}`);
}
