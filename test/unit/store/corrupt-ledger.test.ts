import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../src/store/database.ts';
import { seededRandom } from '../../rig/random.ts';
import { flipped, SpoiledLedger, type WrittenLedger, writeLedger } from '../../rig/written-ledger.ts';

// Every byte of the ledger may change and every file of it may be cut, and whoever opens it next either says exactly what
// was acknowledged, or refuses and names the file. The one thing that may go is a commit whose own bytes were damaged
// and after which nothing was acknowledged: that is what a power cut leaves. More of it: FIXPOINT_FLIPS=20000,
// another sample: FIXPOINT_SEED.

const FLIPS = Number(process.env['FIXPOINT_FLIPS'] ?? 500);
const SEED = Number(process.env['FIXPOINT_SEED'] ?? 20_240);
const COMMITS = 40;
const PAGE = 4096;
/** Of one spoiled copy: made, opened, checked, read. */
const PATIENCE_MS = 30_000 + 60 * FLIPS;

let dir: string;
let logged: WrittenLedger;
let closed: WrittenLedger;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-corrupt-'));
  logged = await writeLedger(join(dir, 'logged'), COMMITS, COMMITS / 2);
  closed = await writeLedger(join(dir, 'closed'), COMMITS, COMMITS);
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

type Outcome = 'same' | 'refused' | 'the last commit is gone' | `wrong: ${string}`;

/** What became of one spoiled copy. `damagedAt`: a byte of the log that was damaged; whatever lies before it must be there. */
async function outcome(ledger: SpoiledLedger, from: WrittenLedger, damagedAt?: number): Promise<Outcome> {
  const said = await ledger.says();
  if ('refused' in said) return said.refused.includes(ledger.path) ? 'refused' : `wrong: it says ${said.refused}`;
  const commits = from.after.lastIndexOf(said.text);
  if (commits === COMMITS) return 'same';
  if (commits < 0) return 'wrong: it says what nobody wrote';
  const own = damagedAt !== undefined && damagedAt >= (from.logBytes[commits] ?? 0);
  return own && commits === COMMITS - 1 ? 'the last commit is gone' : `wrong: ${COMMITS - commits} commits are lost`;
}

/** Spoils copies, and counts what became of them. */
async function spoilt(
  from: WrittenLedger,
  end: string,
  places: readonly number[],
  spoil: (bytes: Buffer, place: number) => Buffer,
  byteOf?: (place: number) => number,
): Promise<Map<Outcome, number[]>> {
  const ledger = new SpoiledLedger(mkdtempSync(join(dir, 'spoilt-')), from.path);
  const outcomes = new Map<Outcome, number[]>();
  for (const place of places) {
    ledger.spoil(end, (bytes) => spoil(bytes, place));
    const came = await outcome(ledger, from, byteOf?.(place));
    outcomes.set(came, [...(outcomes.get(came) ?? []), place]);
  }
  return outcomes;
}

function expectNothingWrong(outcomes: ReadonlyMap<Outcome, readonly number[]>): void {
  const wrong = [...outcomes].filter(([came]) => came.startsWith('wrong'));
  expect(wrong.map(([came, places]) => `${came}, seed ${SEED}, at ${places.slice(0, 5).join(', ')}`)).toEqual([]);
}

const sample = (count: number, below: number, seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(random() * below));
};

const sizeOf = (from: WrittenLedger, end: string): number =>
  new SpoiledLedger(join(dir, 'size'), from.path).bytes(end).length;

describe('a bit flips', () => {
  it(
    'in the database: nothing is ever taken for what it is not',
    async () => {
      const bits = sample(FLIPS, sizeOf(closed, '') * 8, SEED);
      const outcomes = await spoilt(closed, '', bits, flipped);
      expectNothingWrong(outcomes);
      // Bytes that nobody uses may change; most are used.
      expect((outcomes.get('refused') ?? []).length).toBeGreaterThan(FLIPS / 2);
      expect(outcomes.get('the last commit is gone')).toBeUndefined();
    },
    PATIENCE_MS,
  );

  it('anywhere in the header of the database', async () => {
    const bits = Array.from({ length: 108 * 8 }, (_, i) => i).filter((_, i) => FLIPS > 10_000 || i % 3 === SEED % 3);
    expectNothingWrong(await spoilt(closed, '', bits, flipped));
  });

  it(
    'in the log: no commit is lost but the last, and that only with its own bytes',
    async () => {
      const bits = sample(FLIPS / 2, sizeOf(logged, '-wal') * 8, SEED + 1);
      const outcomes = await spoilt(logged, '-wal', bits, flipped, (bit) => bit >> 3);
      expectNothingWrong(outcomes);
      expect((outcomes.get('refused') ?? []).length).toBeGreaterThan(FLIPS / 4);
    },
    PATIENCE_MS,
  );

  it('anywhere in the header of the log and of its first and last frames', async () => {
    const size = sizeOf(logged, '-wal');
    const bits = [0, 32, size - PAGE - 24].flatMap((from) => Array.from({ length: 32 * 8 }, (_, i) => from * 8 + i));
    const some = bits.filter((_, i) => FLIPS > 10_000 || i % 8 === SEED % 8);
    expectNothingWrong(await spoilt(logged, '-wal', some, flipped, (bit) => bit >> 3));
  });

  it('in the index of the log: it is made anew', async () => {
    const bits = sample(Math.ceil(FLIPS / 6), sizeOf(logged, '-shm') * 8, SEED + 2);
    const outcomes = await spoilt(logged, '-shm', bits, flipped);
    expect([...outcomes.keys()]).toEqual(['same']);
  });
});

describe('a file ends too early', () => {
  const near = (size: number, step: number, seed: number): number[] => {
    const edges = Array.from({ length: Math.floor(size / step) + 1 }, (_, i) => i * step);
    const around = edges.flatMap((edge) => [edge - 1, edge, edge + 1]).filter((at) => at >= 0 && at < size);
    return [
      ...sample(FLIPS / 6, around.length, seed).map((i) => around[i] as number),
      ...sample(FLIPS / 6, size, seed),
    ];
  };
  const cut = (bytes: Buffer, at: number): Buffer => bytes.subarray(0, at);

  it('the database: refused, never read in part', async () => {
    const size = sizeOf(closed, '');
    const outcomes = await spoilt(closed, '', near(size, PAGE, SEED + 3), cut);
    expectNothingWrong(outcomes);
    const empty = await spoilt(closed, '', [0], cut);
    // A new ledger begins in an empty file, unless something lies beside it.
    expect([...empty.keys()]).toEqual(['wrong: 40 commits are lost']);
    // The last page may end in bytes that say nothing.
    expect((outcomes.get('same') ?? []).filter((at) => at < size - PAGE)).toEqual([]);
  });

  it('the log, torn anywhere: exactly what was acknowledged before the tear is there', async () => {
    const size = sizeOf(logged, '-wal');
    const ledger = new SpoiledLedger(join(dir, 'torn'), logged.path);
    for (const at of near(size, PAGE + 24, SEED + 4)) {
      ledger.spoil('-wal', (bytes) => cut(bytes, at));
      const said = await ledger.says();
      const whole = logged.logBytes.findLastIndex((bytes, i) => i >= COMMITS / 2 && bytes <= at);
      const expected = logged.after[Math.max(whole, COMMITS / 2)];
      expect('text' in said ? said.text === expected : said.refused, `torn at byte ${at} of ${size}`).toBe(true);
    }
  });

  it('the log goes on with what was never acknowledged: exactly what was is there', async () => {
    const bytes = new SpoiledLedger(join(dir, 'size'), logged.path).bytes('-wal');
    const random = seededRandom(SEED + 5);
    const ledger = new SpoiledLedger(join(dir, 'unacknowledged'), logged.path);
    const last = logged.logBytes[COMMITS - 1] as number;
    for (let i = 0; i < FLIPS / 10; i++) {
      // A power cut in the last commit: some sectors of it are on the disk, others are not.
      ledger.spoil('-wal', (log) => {
        for (let at = last; at < bytes.length; at += 512)
          if (random() < 0.5) log.fill(0, at, Math.min(at + 512, log.length));
        return log;
      });
      const said = await ledger.says();
      const kept = 'text' in said ? logged.after.lastIndexOf(said.text) : said.refused;
      expect([COMMITS - 1, COMMITS]).toContain(kept);
    }
  });
});

describe('a page is not the one that was written', () => {
  const pages = (from: WrittenLedger): number[] => {
    const all = Array.from({ length: sizeOf(from, '') / PAGE }, (_, i) => i);
    return all.filter((page) => FLIPS > 10_000 || all.length < 60 || page % 2 === SEED % 2);
  };

  it.each([
    { what: 'zeros', fill: (bytes: Buffer, page: number) => bytes.fill(0, page * PAGE, (page + 1) * PAGE) },
    {
      what: 'zeros in its second half',
      fill: (bytes: Buffer, page: number) => bytes.fill(0, (page + 0.5) * PAGE, (page + 1) * PAGE),
    },
    {
      what: 'its neighbour',
      fill: (bytes: Buffer, page: number) => {
        const other = page === 0 ? 1 : page - 1;
        bytes.copy(bytes, page * PAGE, other * PAGE, (other + 1) * PAGE);
        return bytes;
      },
    },
  ])('$what', async ({ fill }) => {
    expectNothingWrong(await spoilt(closed, '', pages(closed), fill));
  });
});

describe('a write never reached the disk', () => {
  it('and what lies there is whole, but older: a full check compares with the journal', async () => {
    const ledger = new SpoiledLedger(join(dir, 'older'), closed.path);
    ledger.spoil('', (bytes) => bytes);
    const db = openDatabase(ledger.path, { readOnly: false, check: 'Full' });
    if (!db.ok) throw new Error(db.error);
    // Row and checksum agree, as they did in the page that was not overwritten.
    const { changes } = db.value
      .prepare("UPDATE records SET data = replace(data, 'Succeeded', 'Failed') WHERE task = 'align/000'")
      .run();
    db.value.close();
    expect(changes).toBe(1);
    const full = openDatabase(ledger.path, { readOnly: true, check: 'Full' });
    expect(full).toMatchObject({ ok: false, error: expect.stringContaining('is not what the journal says') });
  });
});
