import { constants, copyFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandContext } from '../command.ts';
import { CommandFailure, EXIT } from '../exit-code.ts';
import { CRDS_FOLDER } from '../package-files.ts';
import { starterWorkflow } from '../starter-workflow.ts';

const SCHEMA = 'workflow.schema.json';

/** Nothing that exists is overwritten. */
export async function run(context: CommandContext): Promise<number> {
  const shown = context.words[0] ?? 'workflow.yaml';
  const file = resolve(context.io.cwd, shown);
  try {
    await writeFile(file, starterWorkflow(nameFrom(basename(dirname(file))), SCHEMA), { flag: 'wx' });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (exists) throw new CommandFailure(EXIT.conflict, `${shown} exists already`);
    throw new CommandFailure(EXIT.invalid, (error as Error).message);
  }
  const schema = fileURLToPath(new URL(SCHEMA, CRDS_FOLDER));
  // One that is there already serves the editor as well.
  await copyFile(schema, join(dirname(file), SCHEMA), constants.COPYFILE_EXCL).catch(() => undefined);
  await context.io.stderr.write(`Wrote ${shown}. Try:  fixpoint plan -f ${shown}  and  fixpoint run ${shown}\n`);
  return EXIT.done;
}

/** A name that Kubernetes takes, from a folder's name. */
export function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return name === '' ? 'hello' : name;
}
