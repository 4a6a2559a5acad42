import { AskedThread } from './asked-thread.ts';
import { FIELDS, type FileTimes, SeenFiles } from './seen-files.ts';

/** All that a thread has seen of many files. */
export interface Seen {
  readonly files: SeenFiles;
  /** The newest of each device. */
  readonly newest: readonly Pick<FileTimes, 'dev' | 'ctimeNs'>[];
}

/** What a small regular file held, and its times before and after it was read. */
export interface ReadFile {
  /** Which of the paths. */
  readonly at: number;
  readonly before: FileTimes;
  readonly after: FileTimes;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/** Larger ones are read one by one: there the calls are not what takes the time. */
export const SMALL_FILE_BYTES = 256 * 1024;

/** What it makes is short-lived; more than this would only be more memory. */
const YOUNG_HEAP_MB = 4;

/** Runs in the thread, which has nothing else of ours. */
const PROGRAM = `
const { closeSync, constants, fstatSync, openSync, readSync, statSync } = require('node:fs');
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const chunk = Buffer.allocUnsafeSlow(65536);
const arrays = (length) => new BigInt64Array(length * ${FIELDS.length});

function put(into, i, s) {
  const at = i * ${FIELDS.length};
  ${FIELDS.map((name, field) => `into[at + ${field}] = s.${name};`).join('\n  ')}
}

function stat(paths) {
  const seen = arrays(paths.length);
  const errors = [];
  const newest = new Map();
  paths.forEach((path, i) => {
    try {
      const s = statSync(path, { bigint: true });
      put(seen, i, s);
      if (!(newest.get(s.dev) >= s.ctimeNs)) newest.set(s.dev, s.ctimeNs);
    } catch (error) {
      errors.push([i, String(error.code)]);
    }
  });
  return { seen, errors, newest };
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
  return { before, after, digests };
}

function readOne(path, i, before, after) {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const first = fstatSync(file, { bigint: true });
    if (!first.isFile() || first.size > ${SMALL_FILE_BYTES}n) return undefined;
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

const WORK = { stat, read };
parentPort.on('message', ({ work, paths }) => {
  parentPort.postMessage({ answer: WORK[work](paths) });
});
`;

interface StatAnswer {
  readonly seen: BigInt64Array;
  readonly errors: readonly (readonly [at: number, code: string])[];
  readonly newest: ReadonlyMap<bigint, bigint>;
}

interface ReadAnswer {
  readonly before: BigInt64Array;
  readonly after: BigInt64Array;
  readonly digests: readonly (string | undefined)[];
}

interface Task {
  readonly work: 'stat' | 'read';
  readonly paths: readonly string[];
}

/**
 * Looks at many files, in a thread: a look at 100,000 outputs would otherwise cost the loop seconds of calls back and
 * forth, and a file system that does not answer must not stop it.
 */
export class FileThread {
  // Nobody waits for what was read ahead and is not asked for.
  readonly #thread = new AskedThread<Task>(PROGRAM, 'looks at files', {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
  });

  async stat(paths: readonly string[]): Promise<Seen> {
    const { seen, errors, newest } = (await this.#thread.ask({ work: 'stat', paths })) as StatAnswer;
    return {
      files: new SeenFiles(seen, errors),
      newest: [...newest].map(([dev, ctimeNs]) => ({ dev, ctimeNs })),
    };
  }

  /** Those that are small regular files and can be read. */
  async read(paths: readonly string[]): Promise<readonly ReadFile[]> {
    const answer = (await this.#thread.ask({ work: 'read', paths })) as ReadAnswer;
    const before = new SeenFiles(answer.before);
    const after = new SeenFiles(answer.after);
    return answer.digests.flatMap((digest, at) =>
      digest === undefined ? [] : [{ at, before: before.times(at), after: after.times(at), digest }],
    );
  }

  end(): void {
    this.#thread.end();
  }
}
