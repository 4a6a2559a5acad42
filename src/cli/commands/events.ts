import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { EXIT, orExit } from '../exit-code.ts';
import { wantsColor } from '../io.ts';
import { orServerStopped, untilInterrupted } from '../output.ts';
import { paint } from '../render/color.ts';
import { eventJson, renderEvent } from '../render/event-line.ts';

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const ref = context.workflow();
  const json = context.oneOf('output', ['json']) === 'json';
  const colors = paint(wantsColor(io, io.stdout));
  const connection = await connect(io, context.where, 'read');
  const { signal, end } = untilInterrupted(io);
  try {
    orExit(await connection.home.get(ref));
    for await (const event of connection.home.events(ref, { follow: context.flag('watch'), signal })) {
      await io.stdout.write(json ? eventJson(event) : renderEvent(event, colors));
      if (io.stdout.closed()) break;
    }
    return context.flag('watch') ? orServerStopped(io, signal) : EXIT.done;
  } finally {
    end();
    await connection.close();
  }
}
