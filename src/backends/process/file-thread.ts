import { Worker } from 'node:worker_threads';
import type { FileTimes } from './digest-cache.ts';

/**
 * Looks at many files at once, in a thread: a look at 100,000 outputs would otherwise cost the loop seconds of calls back
 * and forth, and a file system that does not answer must not stop it.
 */
export interface SeenFile extends FileTimes {
  isDirectory(): boolean;
  isFile(): boolean;
}

/** What a small regular file held, and its times before and after it was read. */
export interface ReadFile {
  readonly path: string;
  readonly before: FileTimes;
  readonly after: FileTimes;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/** All were looked at before the first of them was read. */
export interface SeenAndRead {
  /** The newest of each device. */
  readonly seen: readonly Pick<FileTimes, 'dev' | 'ctimeNs'>[];
  readonly read: readonly ReadFile[];
}

/** From how many files on the thread is worth its start. */
export const BULK = 2_000;
/** The same where they are to be read: each costs a dozen calls back and forth. */
export const BULK_OF_CONTENTS = 100;
/** Larger ones are read one by one: there the calls are not what takes the time. */
export const SMALL_FILE_BYTES = 256 * 1024;

const FIELDS = 6;
const FILE_TYPE = 0o170000n;
const DIRECTORY = 0o040000n;
const REGULAR = 0o100000n;

/** Runs in the thread, which has nothing else of ours. */
const PROGRAM = `
const { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } = require('node:fs');
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const chunk = Buffer.allocUnsafeSlow(65536);
const put = (into, i, s) => into.set([s.mode, s.dev, s.ino, s.size, s.mtimeNs, s.ctimeNs], i * ${FIELDS});
const isSmall = (s) => (s.mode & ${FILE_TYPE}n) === ${REGULAR}n && s.size <= ${SMALL_FILE_BYTES}n;
const arrays = (length) => new BigInt64Array(length * ${FIELDS});

function stat(paths) {
  const seen = arrays(paths.length);
  const errors = [];
  paths.forEach((path, i) => {
    try {
      put(seen, i, statSync(path, { bigint: true }));
    } catch (error) {
      errors.push([i, String(error.code)]);
    }
  });
  return { seen, errors };
}

/** What cannot be read so is passed over: whoever reads it alone finds out why. */
function read(paths) {
  const before = arrays(paths.length);
  const after = arrays(paths.length);
  const digests = paths.map((path, i) => {
    try {
      return readOne(path, i, before, after);
    } catch {
      return undefined;
    }
  });
  return { paths, before, after, digests };
}

function readOne(path, i, before, after) {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const first = fstatSync(file, { bigint: true });
    if (!isSmall(first)) return undefined;
    const hash = createHash('sha256');
    let total = 0;
    for (let got = readSync(file, chunk); got > 0; got = readSync(file, chunk)) {
      total += got;
      if (total > ${SMALL_FILE_BYTES}) return undefined;
      hash.update(chunk.subarray(0, got));
    }
    put(before, i, first);
    put(after, i, fstatSync(file, { bigint: true }));
    return hash.digest('hex');
  } finally {
    closeSync(file);
  }
}

function statAndRead(paths, digests) {
  const { seen, errors } = stat(paths);
  const known = new Set();
  try {
    for (const line of readFileSync(digests, 'latin1').split('\\n')) known.add(line.slice(0, line.indexOf(' ')));
  } catch {}
  const missing = new Set(errors.map(([i]) => i));
  const wanted = paths.filter((_, i) => {
    const [mode, dev, ino, size, mtimeNs, ctimeNs] = seen.subarray(i * ${FIELDS}, (i + 1) * ${FIELDS});
    return !missing.has(i) && isSmall({ mode, size }) && !known.has([dev, ino, size, mtimeNs, ctimeNs].join(':'));
  });
  const newest = new Map();
  paths.forEach((_, i) => {
    const [, dev, , , , ctimeNs] = seen.subarray(i * ${FIELDS}, (i + 1) * ${FIELDS});
    if (!missing.has(i) && !(newest.get(dev) >= ctimeNs)) newest.set(dev, ctimeNs);
  });
  return { newest, ...read(wanted) };
}

const WORK = { stat, read, statAndRead };
parentPort.on('message', ({ work, paths, digests }) => {
  parentPort.postMessage({ answer: WORK[work](paths, digests) });
});
`;

interface Seen {
  readonly seen: BigInt64Array;
  readonly errors: readonly (readonly [at: number, code: string])[];
}

interface Read {
  readonly paths: readonly string[];
  readonly before: BigInt64Array;
  readonly after: BigInt64Array;
  readonly digests: readonly (string | undefined)[];
}

interface Newest {
  readonly newest: ReadonlyMap<bigint, bigint>;
}

interface Task {
  readonly work: 'stat' | 'read' | 'statAndRead';
  readonly paths: readonly string[];
  readonly digests?: string | undefined;
}

/** One thread for one look, and for what was read ahead of it. */
export class FileThread {
  readonly #worker = new Worker(PROGRAM, { eval: true, execArgv: [] });
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  #failed: Error | undefined;

  constructor() {
    this.#worker.on('message', ({ answer }: { answer: unknown }) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread that looks at files ended with code ${code}`)));
    // Nobody waits for what was read ahead and is not asked for.
    this.#worker.unref();
  }

  /** What lies at each path; asking for one that could not be seen throws an error with its `code`. */
  async stat(paths: readonly string[]): Promise<(path: string) => SeenFile | undefined> {
    const { seen, errors } = (await this.#do({ work: 'stat', paths })) as Seen;
    const at = new Map(paths.map((path, i) => [path, i]));
    const failed = new Map(errors);
    return (path) => {
      const i = at.get(path);
      if (i === undefined) return undefined;
      const code = failed.get(i);
      if (code !== undefined) throw Object.assign(new Error(`${path}: ${code}`), { code });
      return seenFile(seen, i);
    };
  }

  /** Those that are small regular files and can be read. */
  async read(paths: readonly string[]): Promise<readonly ReadFile[]> {
    return filesOf((await this.#do({ work: 'read', paths })) as Read);
  }

  /** The same for those whose times the file of digests does not know. */
  async statAndRead(paths: readonly string[], digests: string | undefined): Promise<SeenAndRead> {
    const answer = (await this.#do({ work: 'statAndRead', paths, digests })) as Read & Newest;
    return { seen: [...answer.newest].map(([dev, ctimeNs]) => ({ dev, ctimeNs })), read: filesOf(answer) };
  }

  end(): void {
    void this.#worker.terminate();
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

function filesOf({ paths, before, after, digests }: Read): ReadFile[] {
  return digests.flatMap((digest, i) =>
    digest === undefined
      ? []
      : [{ path: paths[i] as string, before: timesAt(before, i), after: timesAt(after, i), digest }],
  );
}

function timesAt(seen: BigInt64Array, i: number): FileTimes {
  const field = (n: number): bigint => seen[i * FIELDS + n] as bigint;
  return { dev: field(1), ino: field(2), size: field(3), mtimeNs: field(4), ctimeNs: field(5) };
}

function seenFile(seen: BigInt64Array, i: number): SeenFile {
  const type = (seen[i * FIELDS] as bigint) & FILE_TYPE;
  return { ...timesAt(seen, i), isDirectory: () => type === DIRECTORY, isFile: () => type === REGULAR };
}
