import { Worker } from 'node:worker_threads';
import type { FileTimes } from './digest-cache.ts';

/**
 * A thread that looks at the same files again and again, and tells only which of them look otherwise than the last time:
 * 100,000 files that nobody has touched cost whoever asks nothing.
 */
const FIELDS = 6;

/** Runs in the thread, which has nothing else of ours. */
const PROGRAM = `
const { statSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
const HOW = { bigint: true, throwIfNoEntry: false };
const held = new Map();

function again({ paths, seen, codes }) {
  const indexes = [];
  for (let i = 0; i < paths.length; i++) {
    let file;
    let code = '';
    try {
      file = statSync(paths[i], HOW);
      if (!file) code = 'ENOENT';
    } catch (error) {
      code = String(error.code);
    }
    const at = i * ${FIELDS};
    if (codes[i] === code && (!file || same(seen, at, file))) continue;
    codes[i] = code;
    if (file) seen.set([file.mode, file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs], at);
    indexes.push(i);
  }
  const times = new BigInt64Array(indexes.length * ${FIELDS});
  indexes.forEach((i, n) => times.set(seen.subarray(i * ${FIELDS}, (i + 1) * ${FIELDS}), n * ${FIELDS}));
  return { indexes: Int32Array.from(indexes), times, codes: indexes.map((i) => codes[i]) };
}

function same(seen, at, file) {
  return (
    seen[at] === file.mode && seen[at + 1] === file.dev && seen[at + 2] === file.ino &&
    seen[at + 3] === file.size && seen[at + 4] === file.mtimeNs && seen[at + 5] === file.ctimeNs
  );
}

const work = {
  hold: ({ id, paths }) =>
    held.set(id, { paths, seen: new BigInt64Array(paths.length * ${FIELDS}), codes: paths.map(() => undefined) }) && null,
  again: ({ id }) => again(held.get(id)),
  release: ({ id }) => held.delete(id),
};
parentPort.on('message', (task) => {
  const answer = work[task.work](task);
  parentPort.postMessage({ answer }, answer && answer.times ? [answer.times.buffer, answer.indexes.buffer] : []);
});
`;

/** One that looks otherwise than before; without `file` it cannot be looked at, `code` says why. */
export interface Otherwise {
  readonly index: number;
  readonly file: (FileTimes & { readonly mode: bigint }) | undefined;
  readonly code: string;
}

interface Answer {
  readonly indexes: Int32Array;
  readonly times: BigInt64Array;
  readonly codes: readonly string[];
}

type Task =
  | { readonly work: 'hold'; readonly id: number; readonly paths: readonly string[] }
  | { readonly work: 'again' | 'release'; readonly id: number };

export class HeldThread {
  readonly #worker = new Worker(PROGRAM, { eval: true, execArgv: [] });
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  #failed: Error | undefined;

  constructor() {
    this.#worker.on('message', ({ answer }: { answer: unknown }) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread that holds files ended with code ${code}`)));
    this.#worker.unref();
  }

  hold(id: number, paths: readonly string[]): Promise<unknown> {
    return this.#do({ work: 'hold', id, paths });
  }

  /** The first time, all of them. */
  async again(id: number): Promise<readonly Otherwise[]> {
    const { indexes, times, codes } = (await this.#do({ work: 'again', id })) as Answer;
    return codes.map((code, n) => ({
      index: indexes[n] as number,
      file: code === '' ? fileAt(times, n) : undefined,
      code,
    }));
  }

  release(id: number): void {
    this.#do({ work: 'release', id }).catch(() => undefined);
  }

  #do(task: Task): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(task);
    }).finally(() => {
      if (this.#waiting.length === 0) this.#worker.unref();
    });
  }

  #fail(error: Error): void {
    this.#failed = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function fileAt(times: BigInt64Array, n: number): FileTimes & { readonly mode: bigint } {
  const field = (i: number): bigint => times[n * FIELDS + i] as bigint;
  return { mode: field(0), dev: field(1), ino: field(2), size: field(3), mtimeNs: field(4), ctimeNs: field(5) };
}
