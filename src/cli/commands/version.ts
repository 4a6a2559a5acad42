import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { VERSION } from '../version.ts';

export async function run(context: CommandContext): Promise<number> {
  await context.io.stdout.write(`fixpoint ${VERSION}\n`);
  return EXIT.done;
}
