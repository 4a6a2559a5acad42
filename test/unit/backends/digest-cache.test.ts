import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DigestCache, type OpenFile } from '../../../src/backends/process/digest-cache.ts';
import { DigestsLog } from '../../../src/backends/process/digests-log.ts';
import type { FileTimes } from '../../../src/backends/process/seen-files.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-digests-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

const MS = 1_000_000n;
const NAMES = ['a', 'b'] as const;

/** Files on a server whose clock is not ours and whose times are coarse. */
class Server {
  readonly #files = new Map<string, { ino: bigint; content: string; mtimeNs: bigint; ctimeNs: bigint }>();
  readonly #granularity: bigint;
  #nowNs = 1_700_000_000_000n * MS;
  #inodes = 0n;
  elapsedMs = 0;
  opened = 0;

  constructor(granularity: bigint) {
    this.#granularity = granularity;
  }

  get nowMs(): number {
    return Number(this.#nowNs / MS);
  }

  wait(ms: number): void {
    this.#nowNs += BigInt(ms) * MS;
    this.elapsedMs += ms;
  }

  write(name: string, content: string): void {
    const stamp = this.#stamp();
    const ino = this.#files.get(name)?.ino ?? ++this.#inodes;
    this.#files.set(name, { ino, content, mtimeNs: stamp, ctimeNs: stamp });
  }

  /** As `touch -d`: any mtime, but nobody chooses the ctime. */
  touch(name: string, seconds: number): void {
    const file = this.#files.get(name);
    if (!file) return;
    file.ctimeNs = this.#stamp();
    file.mtimeNs = file.ctimeNs + BigInt(seconds) * 1000n * MS;
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from);
    if (!file || from === to) return;
    this.#files.delete(from);
    this.#files.set(to, { ...file, ctimeNs: this.#stamp() });
  }

  content(name: string): string | undefined {
    return this.#files.get(name)?.content;
  }

  times(name: string): FileTimes {
    const file = this.#files.get(name);
    if (!file) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return { dev: 77n, ino: file.ino, size: BigInt(file.content.length), mtimeNs: file.mtimeNs, ctimeNs: file.ctimeNs };
  }

  /** `meanwhile` happens when the file has been read and nobody has looked at its times again. */
  open(name: string, meanwhile: () => void): OpenFile {
    this.opened++;
    return {
      stat: async () => this.times(name),
      hash: async () => {
        const digest = sha256(this.content(name) ?? '');
        meanwhile();
        return digest;
      },
      close: async () => undefined,
    };
  }

  #stamp(): bigint {
    return this.#nowNs - (this.#nowNs % this.#granularity);
  }
}

type Step = (server: Server) => void;

const name = fc.constantFrom(...NAMES);
const change: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(name, fc.constantFrom('one', 'two', 'six', 'longer')).map(
      ([n, content]): Step =>
        (s) =>
          s.write(n, content),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.constantFrom(-100_000, -3, 0, 3, 100_000)).map(
      ([n, seconds]): Step =>
        (s) =>
          s.touch(n, seconds),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, name).map(
      ([from, to]): Step =>
        (s) =>
          s.rename(from, to),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(500, 1_000, 2_000, 4_000)).map(
      (ms): Step =>
        (s) =>
          s.wait(ms),
    ),
  },
);

type Action =
  | { readonly kind: 'Change'; readonly step: Step }
  | { readonly kind: 'Look'; readonly meanwhile: Step | undefined }
  /** Somebody else reads, and what happens before, while and after it does; what it made is offered last. */
  | { readonly kind: 'Offer'; readonly first: Step | null; readonly during: Step | null; readonly last: Step | null }
  | { readonly kind: 'Reopen' };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: change.map((step): Action => ({ kind: 'Change', step })) },
  { weight: 4, arbitrary: fc.constant<Action>({ kind: 'Look', meanwhile: undefined }) },
  {
    weight: 2,
    arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }).map((steps): Action => {
      const meanwhile: Step = (server) => {
        for (const step of steps) step(server);
      };
      return { kind: 'Look', meanwhile };
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.option(change), fc.option(change), fc.option(change))
      .map(([first, during, last]): Action => ({ kind: 'Offer', first, during, last })),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ kind: 'Reopen' }) },
);

describe('what is remembered', () => {
  it('is never another digest than the present one, whatever the clocks say', async () => {
    let looks = 0;
    let opened = 0;
    let offered = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1n, 4n * MS, 1000n * MS, 2000n * MS),
        fc.constantFrom(-86_400_000, -1_500, 0, 1_500, 86_400_000),
        fc.constantFrom(0.9999, 1, 1.0001),
        fc.array(action, { minLength: 10, maxLength: 60 }),
        async (granularity, ahead, rate, actions) => {
          const server = new Server(granularity);
          // Times of the server, not ours: behind, ahead, or the same.
          const clock = { now: () => server.nowMs + ahead, monotonic: () => server.elapsedMs * rate };
          const file = { path: join(mkdtempSync(join(dir, 'run-')), 'digests'), writable: true };
          let cache = new DigestCache(clock, file);
          for (const one of actions) {
            if (one.kind === 'Change') one.step(server);
            else if (one.kind === 'Reopen') cache = new DigestCache(clock, file);
            else if (one.kind === 'Offer') offered += await offerAll(server, cache, one);
            else {
              looks += NAMES.length;
              await lookAtAll(server, cache, one.meanwhile);
              await cache.save();
            }
          }
          opened += server.opened;
        },
      ),
      { numRuns: 800 },
    );
    // Else the cache that remembers nothing would do.
    expect(opened).toBeLessThan(looks * 0.8);
    expect(offered).toBeGreaterThan(100);
  });

  /** How many of the offers were taken. */
  async function offerAll(
    server: Server,
    cache: DigestCache,
    { first, during, last }: Extract<Action, { kind: 'Offer' }>,
  ): Promise<number> {
    await cache.loaded();
    first?.(server);
    const there = NAMES.filter((one) => server.content(one) !== undefined);
    for (const one of there) cache.passed(server.times(one));
    const moment = await cache.moment();
    const read = there.map((one) => ({ one, before: server.times(one), digest: sha256(server.content(one) ?? '') }));
    during?.(server);
    const after = read.flatMap((file) =>
      server.content(file.one) === undefined ? [] : [{ ...file, after: server.times(file.one) }],
    );
    last?.(server);
    let taken = 0;
    for (const file of after) {
      const before = cache.remembered(file.before);
      cache.offer(moment, file.before, file.after, file.digest);
      if (before === undefined && cache.remembered(file.before) !== undefined) taken++;
    }
    return taken;
  }

  async function lookAtAll(server: Server, cache: DigestCache, meanwhile: Step | undefined): Promise<void> {
    for (const one of NAMES) {
      if (server.content(one) === undefined) continue;
      const expected = sha256(server.content(one) as string);
      const found = await cache
        .digest(server.times(one), async () => server.open(one, () => meanwhile?.(server)))
        .catch((error: NodeJS.ErrnoException) => error.code);
      if (meanwhile === undefined) expect(found).toBe(expected);
    }
  }
});

describe('a digest that somebody else has made', () => {
  const DIGEST = 'd'.repeat(64);
  const SECOND = 1_000_000_000n;
  const file = (ctimeNs: bigint): FileTimes => ({ dev: 7n, ino: 1n, size: 3n, mtimeNs: ctimeNs, ctimeNs });
  const clock = { now: () => 100_000, monotonic: () => 0 };
  const other = (ctimeNs: bigint): FileTimes => ({ ...file(ctimeNs), ino: 2n });

  it.each([
    { what: 'both clocks were past its times when it was read', passed: 92n, taken: true },
    { what: 'the clock of its device may not have been', passed: 91n, taken: false },
  ])('is remembered or not: $what', async ({ passed, taken }) => {
    const cache = new DigestCache(clock);
    const old = file(90n * SECOND);
    cache.passed(other(passed * SECOND));
    cache.offer(await cache.moment(), old, old, DIGEST);
    expect(cache.remembered(old)).toBe(taken ? DIGEST : undefined);
  });

  it('is not remembered for a time that was passed only after it was read', async () => {
    const cache = new DigestCache(clock);
    const moment = await cache.moment();
    const old = file(90n * SECOND);
    cache.remembered(other(99n * SECOND));
    cache.offer(moment, old, old, DIGEST);
    expect(cache.remembered(old)).toBeUndefined();
    cache.offer(await cache.moment(), old, old, DIGEST);
    expect(cache.remembered(old)).toBe(DIGEST);
  });

  it('is not remembered where our own clock was not past its times, nor where they changed meanwhile', async () => {
    const cache = new DigestCache(clock);
    cache.passed(other(200n * SECOND));
    const moment = await cache.moment();
    cache.offer(moment, file(99n * SECOND), file(99n * SECOND), DIGEST);
    cache.offer(moment, file(90n * SECOND), file(91n * SECOND), DIGEST);
    expect([99n, 90n, 91n].map((at) => cache.remembered(file(at * SECOND)))).toEqual([undefined, undefined, undefined]);
  });
});

describe('the file of digests', () => {
  const times = (ino: number): FileTimes => ({
    dev: 1n,
    ino: BigInt(ino),
    size: 3n,
    mtimeNs: 5n,
    ctimeNs: 5n,
  });
  /** So late that everything is old enough: by our clock, and by the ctime of another file on the device. */
  const late = { now: () => 1e12, monotonic: () => 0 };
  const newer: FileTimes = { dev: 1n, ino: 999_999n, size: 0n, mtimeNs: 0n, ctimeNs: 10n ** 17n };

  function counting(path: string, writable = true) {
    const cache = new DigestCache(late, { path, writable });
    const opened: bigint[] = [];
    const open = (seen: FileTimes) => async (): Promise<OpenFile> => {
      opened.push(seen.ino);
      return { stat: async () => seen, hash: async () => sha256(String(seen.ino)), close: async () => undefined };
    };
    const look = async (...inodes: number[]): Promise<string[]> => {
      await cache.digest(newer, open(newer));
      const found = [];
      for (const ino of inodes) found.push(await cache.digest(times(ino), open(times(ino))));
      await cache.save();
      return found;
    };
    const read = (): number[] =>
      opened
        .splice(0)
        .map(Number)
        .filter((ino) => ino !== Number(newer.ino));
    return { look, read };
  }

  it('outlives the process', async () => {
    const path = join(dir, 'digests');
    const first = counting(path);
    const digests = await first.look(1, 2);
    expect(first.read()).toEqual([1, 2]);
    const second = counting(path);
    expect(await second.look(1, 2)).toEqual(digests);
    expect(second.read()).toEqual([]);
  });

  it('a line that is torn or damaged is passed over, the others and what follows count', async () => {
    const path = join(dir, 'digests');
    await counting(path).look(1, 2, 3);
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    expect(lines).toHaveLength(3);
    const forged = (lines[1] as string).replace(/ [0-9a-f]{64} /, ` ${'0'.repeat(64)} `);
    expect(forged).not.toBe(lines[1]);
    writeFileSync(path, `${lines[0]}\n${forged}\n${(lines[2] as string).slice(0, -5)}`);
    const again = counting(path);
    expect(await again.look(1, 2, 3)).toEqual(['1', '2', '3'].map(sha256));
    expect(again.read()).toEqual([2, 3]);
    const third = counting(path);
    await third.look(1, 2, 3);
    expect(third.read()).toEqual([]);
  });

  it('no bytes in it are an error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        const path = join(mkdtempSync(join(dir, 'bytes-')), 'digests');
        await counting(path).look(1);
        appendFileSync(path, bytes);
        const again = counting(path);
        expect(await again.look(1, 2)).toEqual([sha256('1'), sha256('2')]);
        expect(again.read()).toEqual([2]);
      }),
      { numRuns: 50 },
    );
  });

  it('is made anew when most of it is out of date', async () => {
    const path = join(dir, 'digests');
    const cache = new DigestCache(late, { path, writable: true });
    const look = async (ctimeNs: bigint): Promise<void> => {
      for (const seen of [newer, { ...times(1), ctimeNs }, { ...times(2), ctimeNs }])
        await cache.digest(seen, async () => ({
          stat: async () => seen,
          hash: async () => sha256(`${seen.ino} ${ctimeNs}`),
          close: async () => undefined,
        }));
      await cache.save();
    };
    let longest = 0;
    for (let i = 0; i < 700; i++) {
      await look(BigInt(i));
      longest = Math.max(longest, readFileSync(path).length);
    }
    // 1,400 lines were added; never more than 1,000 were there.
    expect(longest).toBeLessThan(1_001 * 140);
    const again = counting(path);
    await again.look();
    expect(readFileSync(path, 'utf8')).toContain(`1:2:3:5:699 ${sha256('2 699')} `);
  });

  it('makes no folder, and writes nothing where it may not', async () => {
    await counting(join(dir, 'none', 'digests')).look(1);
    expect(existsSync(join(dir, 'none'))).toBe(false);
    await counting(join(dir, 'digests'), false).look(1);
    expect(existsSync(join(dir, 'digests'))).toBe(false);
  });

  it('asks its own file system for the time, and no other', async () => {
    const log = new DigestsLog({ path: join(dir, 'digests'), writable: true });
    const { statSync } = await import('node:fs');
    const { dev } = statSync(dir, { bigint: true });
    writeFileSync(join(dir, 'before'), '');
    const before = statSync(join(dir, 'before'), { bigint: true }).ctimeNs;
    expect(await log.timeOf(dev)).toBeGreaterThanOrEqual(before);
    expect(await log.timeOf(dev + 1n)).toBeUndefined();
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
