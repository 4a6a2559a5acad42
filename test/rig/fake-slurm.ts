import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claimText, posixCksum } from '../../src/backends/process/exit-record.ts';
import { foldIndexes } from '../../src/backends/slurm/job-indexes.ts';
import type { ToolAnswer, ToolName, Tools } from '../../src/backends/slurm/tools.ts';
import type { Clock } from '../../src/base/clock.ts';

/**
 * What becomes of one sbatch. Only for answers that a real Slurm cannot be made to give when one likes.
 *
 * | what | the job | sbatch |
 * |---|---|---|
 * | Taken | is there | its id |
 * | Unheard | is there | no answer |
 * | Late | is there seconds after sbatch has given up | no answer |
 * | Unsent | never | killed before it sent anything |
 * | Away | never | no connection |
 * | Busy | never | not now |
 */
export type SbatchFate = 'Taken' | 'Unheard' | 'Late' | 'Unsent' | 'Away' | 'Busy';

interface FakeJob {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly state: string[];
}

/** A controller that runs everything at once. Its elements obey the claim, as the real runtime does. */
export class FakeSlurm implements Tools {
  readonly jobs: FakeJob[] = [];
  /** How often each attempt has run. */
  readonly ran = new Map<string, number>();
  fate: () => SbatchFate = () => 'Taken';
  /** Nobody answers. */
  isAway = false;
  /** Elements wait for ever. */
  holds = false;
  /** Elements in this state are in no answer. */
  hide = '';
  readonly #clock: Clock;
  readonly #held: (() => void)[] = [];
  #ids = 100;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run(tool: ToolName, words: readonly string[]): Promise<ToolAnswer> {
    if (this.isAway && tool !== 'sbatch') return answer(1, '', 'Unable to contact slurm controller (connect failure)');
    switch (tool) {
      case 'scontrol':
        return answer(
          0,
          'ClusterName = fake\nMaxArraySize = 1001\nMaxJobCount = 10000\nAccountingStorageType = none\n',
        );
      case 'squeue':
        return answer(0, this.jobs.flatMap((job) => rowsOf(job, this.hide)).join('\n'));
      case 'sacct':
        return answer(0, '');
      case 'scancel':
        this.#cancel(words);
        return answer(0, '');
      case 'sbatch':
        return this.#sbatch(words);
    }
  }

  #sbatch(words: readonly string[]): ToolAnswer {
    const failed = (why: string): ToolAnswer => answer(1, '', `sbatch: error: Batch job submission failed: ${why}`);
    const fate = this.isAway ? 'Away' : this.fate();
    if (fate === 'Away') return failed('Unable to contact slurm controller (connect failure)');
    if (fate === 'Busy') return failed('Resource temporarily unavailable');
    if (fate === 'Unsent') return { ...answer(0, ''), exitCode: undefined };
    if (fate === 'Late') this.#clock.after(LATE_MS, () => void this.#take(words));
    const id = fate === 'Late' ? 0 : this.#take(words);
    return fate === 'Taken' ? answer(0, `${id}\n`) : failed('Socket timed out on send/recv operation');
  }

  #take(words: readonly string[]): number {
    const value = (name: string): string => words.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? '';
    const size = Number(value('array').split('-')[1] ?? 0) + 1;
    const id = ++this.#ids;
    const job = { id, name: value('job-name'), size, state: Array.from({ length: size }, () => 'PENDING') };
    this.jobs.push(job);
    const folder = value('output').replace(/\/log$/, '');
    if (!this.holds) this.#clock.after(START_MS, () => this.#start(job, folder));
    else this.#held.push(() => this.#start(job, folder));
    return id;
  }

  /** What was held starts. */
  letGo(): void {
    this.holds = false;
    for (const start of this.#held.splice(0)) start();
  }

  #start(job: FakeJob, folder: string): void {
    const lines = readFileSync(join(folder, 'tasks'), 'utf8').split('\n');
    for (let i = 0; i < job.size; i++) {
      if (job.state[i] !== 'PENDING') continue;
      const [token = '', directory = ''] = (lines[i] ?? '').split(' ');
      job.state[i] = this.#runElement(token, directory, join(folder, '../../news')) ? 'COMPLETED' : 'FAILED';
    }
  }

  /** False: somebody has claimed it, or its line was damaged. */
  #runElement(token: string, directory: string, news: string): boolean {
    if (!directory.endsWith(`-${token}`)) return false;
    try {
      const claim = { token, host: 'n1', boot: 'boot', pidns: 'pid:[1]', pid: 1, start: 1 };
      writeFileSync(join(directory, 'claim'), claimText(claim), { flag: 'wx' });
    } catch {
      return false;
    }
    this.ran.set(token, (this.ran.get(token) ?? 0) + 1);
    const record = `{"version":1,"token":"${token}","verdict":"Exited","code":0,"problem":"","up0":1,"up1":2,"outputs":[]`;
    writeFileSync(join(directory, 'exit.json'), `${record},"sum":"${posixCksum(Buffer.from(`${record}\n`))}"}\n`);
    writeFileSync(join(news, `${token}.e`), '');
    return true;
  }

  #cancel(words: readonly string[]): void {
    for (const word of words) {
      const job = this.jobs.find(({ id }) => word === String(id) || word.startsWith(`${id}_`));
      for (const i of job?.state.keys() ?? []) if (job?.state[i] === 'PENDING') job.state[i] = 'CANCELLED';
    }
  }
}

const START_MS = 1_000;
/** The request lay in a socket; sbatch gave up after ten seconds. */
const LATE_MS = 12_000;

function answer(exitCode: number, stdout: string, stderr = ''): ToolAnswer {
  return { exitCode, stdout, stderr, timedOut: false, notStarted: undefined };
}

/** As squeue prints them: what waits together is one row. */
function rowsOf({ id, name, size, state }: FakeJob, hidden: string): string[] {
  const waiting = [...state.keys()].filter((i) => state[i] === 'PENDING');
  const rest = [...state.keys()].filter((i) => state[i] !== 'PENDING' && state[i] !== hidden);
  const indexes = (list: readonly number[]): string => (size === 1 ? 'N/A' : foldIndexes(list));
  return [
    ...(waiting.length > 0 ? [`${name}|${id}|${indexes(waiting)}|PENDING||Priority`] : []),
    ...rest.map((i) => `${name}|${id}|${indexes([i])}|${state[i]}|n1|None`),
  ];
}
