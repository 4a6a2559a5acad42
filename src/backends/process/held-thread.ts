import { AskedThread } from './asked-thread.ts';
import { FIELDS, type FileTimes, SeenFiles } from './seen-files.ts';

/**
 * A thread that looks at the same files again and again, and tells only which of them look otherwise than the last time:
 * 100,000 files that nobody has touched cost whoever asks nothing.
 */
const WIDTH = FIELDS.length;
/** So many that look otherwise at a time: what is needed to tell them is needed for these only. */
const TOLD_AT_ONCE = 5_000;

/** Runs in the thread, which has nothing else of ours. */
const PROGRAM = `
const { statSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const HOW = { bigint: true, throwIfNoEntry: false };
const held = new Map();

function again({ paths, seen, codes }, from) {
  const indexes = [];
  let i = from;
  for (; i < paths.length && indexes.length < ${TOLD_AT_ONCE}; i++) {
    let file;
    let code = '';
    try {
      file = statSync(paths[i], HOW);
      if (!file) code = 'ENOENT';
    } catch (error) {
      code = String(error.code);
    }
    const at = i * ${WIDTH};
    if (codes[i] === code && (!file || same(seen, at, file))) continue;
    codes[i] = code;
    if (file) {
      ${FIELDS.map((name, field) => `seen[at + ${field}] = file.${name};`).join('\n      ')}
    }
    indexes.push(i);
  }
  const times = new BigInt64Array(indexes.length * ${WIDTH});
  indexes.forEach((i, n) => times.set(seen.subarray(i * ${WIDTH}, (i + 1) * ${WIDTH}), n * ${WIDTH}));
  return { indexes: Int32Array.from(indexes), times, codes: indexes.map((i) => codes[i]), next: i < paths.length ? i : -1 };
}

function same(seen, at, file) {
  return ${FIELDS.map((name, field) => `seen[at + ${field}] === file.${name}`).join(' && ')};
}

const work = {
  hold: ({ id, paths }) =>
    held.set(id, { paths, seen: new BigInt64Array(paths.length * ${WIDTH}), codes: paths.map(() => undefined) }) && null,
  again: ({ id, from }) => held.has(id) ? again(held.get(id), from) : null,
  release: ({ id }) => held.delete(id),
};
parentPort.on('message', (task) => {
  const answer = work[task.work](task);
  parentPort.postMessage({ answer }, answer && answer.times ? [answer.times.buffer, answer.indexes.buffer] : []);
});
`;

/** One that looks otherwise than before; without `file` it cannot be looked at, `code` says why. */
export class Otherwise {
  readonly #answer: Answer;
  readonly #n: number;

  constructor(answer: Answer, n: number) {
    this.#answer = answer;
    this.#n = n;
  }

  get index(): number {
    return this.#answer.indexes[this.#n] as number;
  }

  get code(): string {
    return this.#answer.codes[this.#n] as string;
  }

  get file(): FileTimes | undefined {
    return this.code === '' ? new SeenFiles(this.#answer.times).times(this.#n) : undefined;
  }
}

interface Answer {
  readonly indexes: Int32Array;
  readonly times: BigInt64Array;
  readonly codes: readonly string[];
  /** Where to go on; -1: all have been looked at. */
  readonly next: number;
}

type Task =
  | { readonly work: 'hold'; readonly id: number; readonly paths: readonly string[] }
  | { readonly work: 'again'; readonly id: number; readonly from: number }
  | { readonly work: 'release'; readonly id: number };

export class HeldThread {
  readonly #thread = new AskedThread<Task>(PROGRAM, 'holds files', { resourceLimits: { maxYoungGenerationSizeMb: 4 } });

  hold(id: number, paths: readonly string[]): Promise<unknown> {
    return this.#thread.ask({ work: 'hold', id, paths });
  }

  /** The first time, all of them: a part at a time. `from`: where the last part ended. */
  async again(id: number, from: number): Promise<{ readonly found: readonly Otherwise[]; readonly next: number }> {
    const answer = (await this.#thread.ask({ work: 'again', id, from })) as Answer | null;
    if (answer === null) throw new Error('these files are held no more');
    return { found: answer.codes.map((_, n) => new Otherwise(answer, n)), next: answer.next };
  }

  release(id: number): void {
    this.#thread.ask({ work: 'release', id }).catch(() => undefined);
  }
}
