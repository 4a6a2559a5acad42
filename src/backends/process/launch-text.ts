import { join } from 'node:path';
import { globFolder, parseFileGlob } from '../../base/file-glob.ts';
import { quoteShell } from '../../expressions/shell-quote.ts';
import type { Launch, LaunchOutput } from '../backend.ts';
import { commandWords, displacedInto, environmentOf, FILES_FOLDER, type FolderFacts } from './folder-content.ts';

/** Shell text that `attempt.sh` reads. Every value is one single-quoted word. */
export function launchText(launch: Launch, facts: FolderFacts): string {
  const q = quoteShell;
  const dir = launch.directory;
  return [
    `fx_workdir=${q(launch.workdir)}`,
    `fx_walltime=${launch.needs.walltimeMs === 0 ? 0 : (launch.needs.walltimeMs / 1000).toFixed(3)}`,
    `fx_grace=${Math.ceil(launch.graceMs / 1000)}`,
    `fx_oom0=${facts.oomKills ?? "''"}`,
    `fx_stdin=${q(launch.stdin ?? '/dev/null')}`,
    `fx_stdout=${q(launch.stdout ?? join(dir, 'stdout'))}`,
    `fx_stderr=${q(launch.stderr ?? join(dir, 'stderr'))}`,
    'fx_env() {',
    ...environmentOf(launch, facts).map(([name, value]) => `  export ${name}=${q(value)}`),
    '  :',
    '}',
    'fx_prepare() {',
    ...(facts.asksForShell && launch.command.kind === 'Script'
      ? [`  fx_need_shell ${q(launch.command.shell[0] ?? 'sh')}`]
      : []),
    ...launch.files.flatMap((file) =>
      file.path === undefined
        ? []
        : [`  fx_place ${q(join(dir, FILES_FOLDER, file.name))} ${q(file.path)} ${file.mode.toString(8)}`],
    ),
    ...(launch.staged ? stageLines(launch.staged) : launch.outputs.flatMap((output) => prepareLines(launch, output))),
    '  :',
    '}',
    'fx_command() {',
    `  exec setsid ${commandWords(launch).map(q).join(' ')}`,
    '}',
    'fx_stamp() {',
    ...publishLines(launch),
    ...launch.outputs.map(stampLine),
    '  :',
    '}',
    'fx_whole=yes',
    '',
  ].join('\n');
}

function stampLine({ name, path, form, fingerprint, optional }: LaunchOutput): string {
  const place = form === 'glob' ? globWords(path) : [path];
  const [first = '', ...rest] = place.map(quoteShell);
  return `  fx_output ${[name, first, form, fingerprint, optional ? 'yes' : 'no', ...rest].join(' ')}`;
}

function prepareLines(launch: Launch, output: LaunchOutput): string[] {
  const glob = output.form === 'glob';
  const folder = glob ? [] : [`  fx_mkdir ${quoteShell(join(output.path, '..'))}`];
  if (output.keepPartial) return folder;
  const into = displacedInto(launch, output);
  const words = glob ? ['fx_move_matches', ...globWords(output.path), into] : ['fx_displace', output.path, into];
  return [...folder, `  ${words.map(shellWord).join(' ')}`];
}

function stageLines(staged: NonNullable<Launch['staged']>): string[] {
  return [
    ...staged.links.map((link) => `  fx_link ${quoteShell(link.path)} ${quoteShell(link.at)}`),
    ...staged.outputs.map((output) => `  fx_mkdir ${quoteShell(join(output.at, '..'))}`),
  ];
}

function publishLines(launch: Launch): string[] {
  return (launch.staged?.outputs ?? []).flatMap(({ name, at }) => {
    const output = launch.outputs.find((o) => o.name === name) as LaunchOutput;
    const into = displacedInto(launch, output);
    if (output.form !== 'glob') return [`  ${['fx_publish', at, output.path, into].map(shellWord).join(' ')}`];
    return [
      ['fx_move_matches', ...globWords(output.path), into],
      ['fx_move_matches', ...globWords(at), globFolder(output.path)],
    ].map((words) => `  ${words.map(shellWord).join(' ')}`);
  });
}

/** Folder, expression and depth of a pattern; one that cannot be read was refused when the document was. */
function globWords(pattern: string): string[] {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) return [globFolder(pattern), '^$', '1'];
  return [glob.value.folder, glob.value.expression, glob.value.depth === undefined ? '' : String(glob.value.depth)];
}

function shellWord(word: string, at: number): string {
  return at === 0 ? word : quoteShell(word);
}
