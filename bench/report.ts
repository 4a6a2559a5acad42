import { FIGURES, median } from './figures.ts';
import type { Result } from './results.ts';
import { short } from './session.ts';
import { WORKLOADS } from './workloads/all-workloads.ts';
import type { Workload } from './workloads/workload.ts';

/** The page of results, docs/benchmarks.md. */
export function page(results: readonly Result[]): string {
  const sections = WORKLOADS.map((workload) =>
    section(
      workload,
      results.filter((r) => r.workload === workload.name),
    ),
  );
  return `${[...head(results), ...sections.flat(), ...howTo()].join('\n')}\n`;
}

function head(results: readonly Result[]): string[] {
  const machines = [...new Set(results.map((result) => result.machine))];
  const accounts = [...new Set(results.map((result) => result.account))];
  const days = results.map((result) => result.time.slice(0, 10)).sort();
  const span = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  return [
    '# Benchmarks',
    '',
    'Fixpoint beside other tools, the same work for each. This page is written by `npm run bench -- --write`; change `bench/`, not this page.',
    '',
    ...(results.length === 0 ? ['Nothing has been measured yet.', ''] : []),
    ...machines.map((machine) => `- Machine: ${machine}.`),
    ...(results.length === 0 ? [] : [`- Measured ${span}; cpu time by ${accounts.join(', ')}.`]),
    '- Ours and a peer are run in alternating pairs. Figures are medians over the runs; `wall ÷ ours` and `CPU ÷ ours` are medians over the',
    '  pairs of the figure in that row divided by that of `fixpoint`: above 1 it is slower than ours, below 1 faster.',
    '- CPU is that of the whole process tree, user and system, of processes that detached themselves too, and of the tasks themselves.',
    '- Memory: the largest sum of resident memory over the tree at one look (ten a second; pages that several share count for each), and the',
    '  peak of the first process as the kernel keeps it. A run of a few milliseconds may end before the first look.',
    '- Load is the average of the minute before the run, other cores what everybody else used during it. Wall times of rows that differ there',
    '  are not comparable; ratios are.',
    '- Every run is checked: all tasks succeeded, outputs are there, as many processes as tasks were started, nothing ran that should not.',
    '- Starting any command in this way takes a few milliseconds, which are inside of every wall time.',
    '',
  ];
}

function section(workload: Workload, results: readonly Result[]): string[] {
  const lines = [`## ${workload.name}`, '', workload.about, ''];
  if (results.length === 0) return [...lines, 'Not measured yet.', ''];
  const sorted = results.toSorted((a, b) => order(a, b) || a.tasks - b.tasks || rank(a) - rank(b));
  return [...lines, ...table(workload, sorted), '', ...commands(sorted)];
}

/** Between variants. */
function order(a: Result, b: Result): number {
  return a.variant === b.variant ? 0 : a.variant > b.variant ? -1 : 1;
}

/** Ours first, then the fastest. */
function rank(result: Result): number {
  const wall = result.figures['wallSeconds'] ?? 0;
  return result.tool.startsWith('fixpoint') ? wall - 1e9 : wall;
}

function table({ columns }: Workload, results: readonly Result[]): string[] {
  const figures = columns.filter((name) => results.some((result) => name in result.figures));
  const variants = results.some((result) => result.variant !== '');
  const ratios = results.some((result) => Object.keys(result.ratios).length > 0);
  const heading = [
    ...(variants ? ['variant'] : []),
    'tasks',
    'tool',
    'version',
    ...figures.map((name) => FIGURES[name]),
    ...(ratios ? ['wall ÷ ours', 'CPU ÷ ours'] : []),
    'runs',
    'load',
    'other cores',
  ];
  const rows = results.map((result) => [
    ...(variants ? [result.variant] : []),
    result.tasks.toLocaleString('en'),
    result.tool,
    result.version,
    ...figures.map((name) => cell(result.figures[name])),
    ...(ratios ? [cell(result.ratios['wallSeconds']), cell(result.ratios['cpuSeconds'])] : []),
    String(result.samples.length),
    range(result.samples.map((sample) => sample.circumstances.load)),
    cell(median(result.samples.map((sample) => sample.circumstances.othersCores))),
  ]);
  return [heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : short(value);
}

function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values).toFixed(1), Math.max(...values).toFixed(1)];
  return low === high ? low : `${low}-${high}`;
}

/** Those of one tool differ in their size alone: the last one stands for all. */
function commands(results: readonly Result[]): string[] {
  const last = new Map(
    results.map((result) => [`${result.tool}${result.variant && ` (${result.variant})`}`, result.command]),
  );
  // Not `sh`: what the documentation tells its reader to type is run by the tests, and peers are not there.
  return ['```text', ...[...last].map(([tool, command]) => `# ${tool}\n${command}`), '```', ''];
}

function howTo(): string[] {
  return [
    '## Measure it yourself',
    '',
    'Needed: a quiet machine, and root for the Debian packages and for control groups (without them, cpu time is sampled, and said to be).',
    '',
    '```sh',
    'npm run bench -- --install --no-run                       # peers: Debian packages, and Python environments in the cache folder',
    'npm run bench -- --only fan --peers xargs,make,ninja      # part by part, as long as it takes',
    'npm run bench -- --only crash --peers snakemake,parallel',
    'npm run bench -- --no-run --write                         # this page, from the newest results',
    '```',
    '',
    'Results are added to `results.jsonl` in the cache folder (`$XDG_CACHE_HOME/fixpoint-bench`, `$CACHE` above), with every sample. What a peer',
    'is given is written by its file in `bench/peers`; Python libraries are driven by the scripts in `bench/drivers`.',
  ];
}
