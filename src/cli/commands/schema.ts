import { readFile } from 'node:fs/promises';
import type { CommandContext } from '../command.ts';
import { EXIT, usage } from '../exit-code.ts';
import { CRDS_FOLDER } from '../package-files.ts';

export async function run(context: CommandContext): Promise<number> {
  const kind = context.words[0] ?? '';
  if (kind.toLowerCase() !== 'workflow') throw usage(`schema ${kind}: the kinds are Workflow`);
  await context.io.stdout.write(await readFile(new URL('workflow.schema.json', CRDS_FOLDER), 'utf8'));
  return EXIT.done;
}
