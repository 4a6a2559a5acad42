import { NOTHING, ORIGINAL, parentsOf, SCRIPT, type Work } from '../work.ts';
import type { Expression, Peer, Refusal } from './peer.ts';
import { lines, shellLine } from './words.ts';

/** Above this depth its graph exceeds Python's recursion limit. */
const DEEPEST_CHAIN = 400;

export const SNAKEMAKE: Peer = {
  name: 'snakemake',
  source: { kind: 'PyPI', venv: 'snakemake', requirements: ['snakemake==9.27.1'], program: 'snakemake' },
  version: (program) => [program, '--version'],
  mostTasks: 1_000,
  recovers: true,
  express,
};

function express(work: Work, program: string): Expression | Refusal {
  if (work.shape === 'chain' && work.tasks > DEEPEST_CHAIN) return { cannot: 'recursion limit in a chain so long' };
  const command = [program, '--cores', String(work.slots), '--nocolor', '--quiet', 'all'];
  return {
    files: { Snakefile: snakefile(work), 'parents.json': JSON.stringify(parentsOf(work)) },
    command: [...command, '--rerun-incomplete'],
    plan: [...command, '--dry-run'],
    afterCrash: [...command, '--unlock'],
    resumes: 'sees edits',
  };
}

/** One rule with a wildcard. Bodies that make no file of their own have one touched by Snakemake itself. */
function snakefile(work: Work): string {
  const { body, edit } = work;
  const word = '{params.word}';
  // Its own shell is strict bash already: a script needs no second one.
  const argv = body === SCRIPT ? NOTHING.argv('', '') : body.argv('{wildcards.i}', word);
  // Braces are its own; the two that are meant are put back after those of the command are doubled.
  const shell = shellLine(argv)
    .replaceAll('{', '{{')
    .replaceAll('}', '}}')
    .replaceAll("'{{wildcards.i}}'", '{wildcards.i}')
    .replaceAll('{{wildcards.i}}', '{wildcards.i}')
    .replaceAll("'{{params.word}}'", word);
  const own = body.output?.('{i}');
  const output = own ?? 'done/{i}';
  return lines([
    'import json',
    'PARENTS = json.load(open("parents.json"))',
    `EDITED, WORD = ${edit?.task ?? -1}, ${JSON.stringify(edit?.word ?? ORIGINAL)}`,
    'rule all:',
    `    input: expand(${JSON.stringify(output)}, i=range(len(PARENTS)))`,
    'rule task:',
    `    input: lambda w: expand(${JSON.stringify(output)}, i=PARENTS[int(w.i)])`,
    `    output: ${own === undefined ? `touch(${JSON.stringify(output)})` : JSON.stringify(output)}`,
    `    params: word=lambda w: WORD if int(w.i) == EDITED else ${JSON.stringify(ORIGINAL)}`,
    `    shell: ${JSON.stringify(shell)}`,
  ]);
}
