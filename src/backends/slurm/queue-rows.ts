import { parseIndexes } from './job-indexes.ts';

/**
 * What squeue and sacct print, as rows of elements. A row that does not bear the name that we gave is nobody of ours: ids
 * are used again when a controller forgets, and sacct has stand-ins for jobs it has not heard all of (name `allocation`).
 */
export interface ElementState {
  /** Slurm's word. */
  readonly state: string;
  readonly node: string;
  /** Why it waits, or how it ended, in Slurm's words; `None` and the like are empty. */
  readonly why: string;
}

/** Name, id of the job or of its array, indexes, state, nodes, reason: the only part that may hold anything comes last. */
export const SQUEUE_FORMAT = '%j|%F|%K|%T|%N|%r';
export const SACCT_FORMAT = 'JobName,JobID,State,ExitCode,NodeList';

/** The elements of one job. */
export class JobRows {
  readonly #rows = new Map<number, ElementState>();

  add(ranges: ReturnType<typeof parseIndexes>, row: ElementState): void {
    // A job that is no array is its only element.
    for (const [first, last, step] of ranges ?? [[0, 0, 1]])
      for (let index = first; index <= last; index += step) this.#rows.set(index, row);
  }

  of(index: number): ElementState | undefined {
    return this.#rows.get(index);
  }
}

/** Jobs by name, then by id. */
export type JobsByName = ReadonlyMap<string, ReadonlyMap<string, JobRows>>;

export function parseSqueue(text: string, isOurs: (name: string) => boolean): JobsByName {
  const jobs = new Map<string, Map<string, JobRows>>();
  for (const line of text.split('\n')) {
    const [name = '', job = '', indexes = '', state = '', node = '', ...why] = line.split('|');
    if (state === '' || !isOurs(name)) continue;
    add(jobs, name, job, indexes, { state, node: node, why: plain(why.join('|')) });
  }
  return jobs;
}

/** `JOB`, `JOB_INDEX` or `JOB_[INDEXES]` in the second column. */
export function parseSacct(text: string, isOurs: (name: string) => boolean): JobsByName {
  const jobs = new Map<string, Map<string, JobRows>>();
  for (const line of text.split('\n')) {
    const [name = '', id = '', state = '', exitCode = '', node = ''] = line.split('|');
    if (state === '' || !isOurs(name)) continue;
    const [job = '', indexes = ''] = id.split('_');
    const why = exitCode === '' || exitCode === '0:0' ? '' : `exit code ${exitCode}`;
    add(jobs, name, job, indexes, { state, node: plain(node), why });
  }
  return jobs;
}

function add(
  jobs: Map<string, Map<string, JobRows>>,
  name: string,
  job: string,
  indexes: string,
  row: ElementState,
): void {
  const ofName = jobs.get(name) ?? new Map<string, JobRows>();
  jobs.set(name, ofName);
  const rows = ofName.get(job) ?? new JobRows();
  ofName.set(job, rows);
  rows.add(parseIndexes(indexes), row);
}

function plain(text: string): string {
  return text === 'None' || text === 'None assigned' || text === '(null)' ? '' : text;
}
