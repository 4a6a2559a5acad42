import { join } from 'node:path';
import type { Launch } from '../backend.ts';
import {
  commandWords,
  displacedInto,
  environmentOf,
  type FolderFacts,
  folderFiles,
  foldersOf,
} from './folder-content.ts';

/**
 * Whether the native spawner can run it. What is rare and long is left to the shell runtime: patterns, folders of the
 * attempt's own, and files of the document that belong elsewhere.
 */
export function isPlain(launch: Launch): boolean {
  return (
    launch.staged === undefined &&
    launch.outputs.every(({ form }) => form === 'path') &&
    launch.files.every(({ path }) => path === undefined)
  );
}

/**
 * The order for one attempt, as `native/order.c` reads it: netstrings, first what every order has, then any number of
 * verbs with their words.
 */
export function nativeOrder(launch: Launch, facts: FolderFacts): string {
  const { directory, needs } = launch;
  const words = [
    directory,
    launch.workdir,
    String(needs.walltimeMs),
    String(launch.graceMs),
    facts.oomKills === undefined ? '' : String(facts.oomKills),
    launch.stdin ?? '/dev/null',
    launch.stdout ?? join(directory, 'stdout'),
    launch.stderr ?? join(directory, 'stderr'),
  ];
  for (const name of foldersOf(launch)) words.push('folder', name);
  for (const { name, mode, content } of folderFiles(launch, facts))
    words.push(name === 'argv' ? 'trace' : 'file', name, mode.toString(8), content);
  for (const [name, value] of environmentOf(launch, facts)) words.push('env', `${name}=${value}`);
  for (const output of launch.outputs) {
    words.push('make', join(output.path, '..'));
    if (!output.keepPartial) words.push('displace', output.path, displacedInto(launch, output));
  }
  for (const word of commandWords(launch)) words.push('arg', word);
  for (const { name, path, fingerprint, optional } of launch.outputs)
    words.push('output', name, path, fingerprint, optional ? 'yes' : 'no');
  return words.map(netstring).join('');
}

function netstring(word: string): string {
  return `${Buffer.byteLength(word)}:${word},`;
}
