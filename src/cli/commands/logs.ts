import { isGlob } from '../../base/glob.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { EXIT, orExit } from '../exit-code.ts';
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
