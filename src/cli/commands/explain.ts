import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { CommandFailure, EXIT, orExit } from '../exit-code.ts';
import { wantsColor } from '../io.ts';
import { printValue } from '../output.ts';
import { paint } from '../render/color.ts';
import { renderExplanation } from '../render/plan.ts';

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const ref = context.workflow();
  const task = context.words[1];
  const json = context.oneOf('output', ['json']) === 'json';
  const connection = await connect(io, context.where, 'read');
  try {
    const explained = orExit(await connection.home.explain(ref, task));
    if (task !== undefined && explained.length === 0) {
      throw new CommandFailure(EXIT.notFound, `workflow ${ref.name} has no task ${task}`);
    }
    if (json) {
      // One task asked for: that one; else all.
      await printValue(io, 'json', task !== undefined && explained.length === 1 ? explained[0] : explained);
      return EXIT.done;
    }
    const colors = paint(wantsColor(io, io.stdout));
    for (const one of explained) await io.stdout.write(renderExplanation(one, colors));
    return EXIT.done;
  } finally {
    await connection.close();
  }
}
