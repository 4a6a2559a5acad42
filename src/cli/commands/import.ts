import { resolve } from 'node:path';
import { importWfFormat, toYaml } from '../../sources/wfformat.ts';
import type { CommandContext } from '../command.ts';
import { readStdin, readText } from '../documents.ts';
import { CommandFailure, EXIT, usage } from '../exit-code.ts';

export async function run(context: CommandContext): Promise<number> {
  const [format, file] = context.words;
  if (format !== 'wfformat') throw usage(`import ${format ?? ''}: only wfformat is known`);
  const text = file === '-' ? await readStdin(context.io) : await readText(resolve(context.io.cwd, file ?? ''));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw usage(`${file}: not JSON: ${(error as Error).message}`);
  }
  const imported = importWfFormat(json, {
    timeScale: scale(context, 'timeScale'),
    sizeScale: scale(context, 'sizeScale'),
  });
  if (!imported.ok)
    throw new CommandFailure(EXIT.invalid, `${file} is no instance that can be imported`, imported.error);
  await context.io.stdout.write(toYaml(imported.value));
  return EXIT.done;
}

function scale(context: CommandContext, option: string): number {
  const text = context.text(option);
  if (text === undefined) return 1;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw usage(`--${option}: ${text} is no number ≥ 0`);
  return value;
}
