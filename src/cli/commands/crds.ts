import { readdir, readFile } from 'node:fs/promises';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { CRDS_FOLDER } from '../package-files.ts';

/** Beside them lies what `kubectl apply -k` needs. */
const CRD = /^fixpoint\.dev_.*\.yaml$/;

/** As one YAML stream, ready for `kubectl apply -f -`. */
export async function run(context: CommandContext): Promise<number> {
  const files = (await readdir(CRDS_FOLDER)).filter((name) => CRD.test(name)).sort();
  for (const file of files) {
    await context.io.stdout.write(`---\n${await readFile(new URL(file, CRDS_FOLDER), 'utf8')}`);
  }
  return EXIT.done;
}
