import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/base/canonical-json.ts';
import type { Json } from '../../../src/base/json.ts';
import { definitionDigest, executionKey } from '../../../src/graph/identity.ts';
import { attemptToken } from '../../../src/graph/keys.ts';
import { type Records, reduce, type TaskEntry } from '../../../src/planning/journal.ts';
import { type Attempt, emptyRecord, type TaskRecord } from '../../../src/planning/record.ts';
import type { Change } from '../../../src/store/cluster/draft.ts';
import { leanRecord, wholeRecord } from '../../../src/store/cluster/lean-record.ts';
import { pack } from '../../../src/store/cluster/packed.ts';
import { SHARD_SIZES, Shards } from '../../../src/store/cluster/shards.ts';
import { type LedgerOptions, WorkflowLedger } from '../../../src/store/cluster/workflow-ledger.ts';
import { LedgerUnavailable } from '../../../src/store/store.ts';
import { type Fate, MemoryParts } from '../../rig/memory-parts.ts';
import { seededRandom } from '../../rig/random.ts';

// The ledger of one workflow in small objects: what a server that is ill, owners that die and others that write do to it.

/** `FIXPOINT_LEDGER_SEEDS=N` tries so many histories. */
const SEEDS = Number(process.env['FIXPOINT_LEDGER_SEEDS'] ?? 10);
const UID = 'w';
const HEX = '0123456789abcdef';

function digest(random: () => number): string {
  return Array.from({ length: 64 }, () => HEX[Math.floor(random() * 16)]).join('');
}

/** As an attempt of a real task is: its digests follow from what it is made of, its output's bytes do not. */
function attemptOf(key: string, number: number, made: string | undefined): Attempt {
  const preimage = { templateDigest: 'ad7cce83'.repeat(8), values: { 'command[1]': `out/${key}` }, code: {} };
  const contributions = { precise: {}, broad: [] };
  const definition = definitionDigest(preimage, {});
  return {
    number,
    uid: attemptToken(UID, key, definition, number),
    state: 'Intended',
    generation: 1,
    definition,
    execution: executionKey(definition, contributions),
    handling: '41ab7279'.repeat(8),
    preimage,
    contributions,
    because: [],
    needs: { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 },
    backend: 'kubernetes',
    createTime: 1_796_043_094_898,
    reads: [],
    writes: made === undefined ? [] : [{ name: 'o', path: `out/${key}`, lookId: `/data/out/${key}` }],
  };
}

const intended = (key: string, number: number, made?: string): TaskEntry => ({
  type: 'AttemptIntended',
  task: key,
  attempt: attemptOf(key, number, made),
});

const ended = (key: string, number: number, made: string, at = 0): TaskEntry => ({
  type: 'AttemptEnded',
  task: key,
  number,
  start: { startTime: 1_796_043_094_970 + at, handle: undefined, directory: undefined },
  outcome: {
    phase: 'Succeeded',
    reason: 'Completed',
    exitCode: 0,
    finishTime: 1_796_043_095_970 + at,
    elapsedMs: 1_000 + (at % 97),
    outputs: [{ name: 'o', path: `out/${key}`, digest: `sha256:${made}` }],
  },
});

const change = (entries: readonly TaskEntry[]): Change => ({
  time: 1,
  entries,
  templates: [],
  workflow: undefined,
  ifVersion: undefined,
});

let version = 0;
const options = (owner: string) => ({
  owner,
  nextVersion: (by: number) => {
    version += by;
    return version;
  },
  pause: () => new Promise<void>((done) => setImmediate(done)),
});

async function open(parts: MemoryParts, sizes: Partial<LedgerOptions> = {}): Promise<WorkflowLedger> {
  parts.life++;
  const opened = await WorkflowLedger.open(UID, parts.forLife(), { ...options(`life ${parts.life}`), ...sizes });
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

function byKey(records: Iterable<TaskRecord>): Record<string, TaskRecord> {
  return JSON.parse(JSON.stringify(Object.fromEntries([...records].map((r) => [r.key, r])))) as Record<
    string,
    TaskRecord
  >;
}

const TASKS = 60;
/** So that a few records are folded, and shards divided. */
const SMALL: Partial<LedgerOptions> = { foldFromBytes: 1_500, shards: { fullBytes: 1_200, maxBytes: 2_000 } };
const FATES: readonly Fate[] = ['Refused', 'Lost', 'Carried out, and no answer', 'Carried out later'];

/** Entries that a life of some tasks is made of, over and over. */
class Tasks {
  readonly #random: () => number;
  readonly #numbers = new Map<string, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  next(): TaskEntry {
    const key = `t/${Math.floor(this.#random() * TASKS)}`;
    const number = this.#numbers.get(key) ?? 0;
    const chance = this.#random();
    if (chance < 0.03) return { type: 'TaskMoved', task: key, to: `t/${Math.floor(this.#random() * TASKS)}` };
    if (chance < 0.05) return { type: 'TaskPruned', task: key };
    if (chance < 0.5) return ended(key, number, digest(this.#random));
    this.#numbers.set(key, number + 1);
    return intended(key, number + 1);
  }
}

/** One history. Gives what was found wrong. */
async function history(seed: number): Promise<string | undefined> {
  const random = seededRandom(seed);
  const parts = new MemoryParts();
  const tasks = new Tasks(random);
  const sure: Records = new Map();
  for (let n = 0; n < 4; n++) {
    parts.fateOf = () => undefined;
    const ledger = await open(parts, SMALL);
    const { life } = parts;
    const unsure: (readonly TaskEntry[])[] = [];
    const forget = (entries: readonly TaskEntry[]): void => {
      if (parts.life === life) unsure.splice(unsure.indexOf(entries), 1);
    };
    parts.fateOf = () => (random() < 0.2 ? FATES[Math.floor(random() * FATES.length)] : undefined);
    const commits: Promise<void>[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const entries = Array.from({ length: 1 + Math.floor(random() * 8) }, () => tasks.next());
      unsure.push(entries);
      const committed = ledger.commit(change(entries)).then(
        () => {
          if (parts.life === life) for (const entry of entries) reduce(sure, entry);
          forget(entries);
        },
        (error: unknown) => {
          if (!(error instanceof LedgerUnavailable)) throw error;
          forget(entries);
        },
      );
      commits.push(committed);
      if (random() < 0.5) await committed;
    }
    if (random() < 0.5) {
      await Promise.all(commits);
      if (textOf(ledger.records()) !== textOf(sure.values())) return `life ${life}: not as committed`;
    }
    // It dies here, with writes under way; what it has sent may still arrive.
    parts.fateOf = () => undefined;
    const found = textOf((await open(parts, SMALL)).records());
    // What was under way has become durable in its order, up to some moment.
    while (textOf(sure.values()) !== found) {
      const next = unsure.shift();
      if (!next) return `life ${life}: neither what was committed nor that and the first of what was under way`;
      for (const entry of next) reduce(sure, entry);
    }
  }
  return undefined;
}

function textOf(records: Iterable<TaskRecord>): string {
  return canonicalJson(byKey(records) as unknown as Json);
}

describe('a ledger in objects', () => {
  it('is what was committed, in order, whatever becomes of its writes and its owners', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) expect(await history(seed), `seed ${seed}`).toBeUndefined();
  }, 120_000);

  it('belongs to the last who opened it: a write of a former owner that arrives late is refused', async () => {
    const parts = new MemoryParts();
    const opened = await WorkflowLedger.open(UID, parts, options('first'));
    if (!opened.ok) throw new Error(opened.error);
    await opened.value.commit(change([intended('a', 1)]));
    const next = await WorkflowLedger.open(UID, parts, options('second'));
    if (!next.ok) throw new Error(next.error);
    await expect(opened.value.commit(change([intended('b', 1)]))).rejects.toThrow('somebody else writes the ledger');
    await expect(opened.value.commit(change([intended('c', 1)]))).rejects.toThrow(LedgerUnavailable);
    await next.value.commit(change([intended('d', 1)]));
    expect(Object.keys(byKey(next.value.records()))).toEqual(['a', 'd']);
  });

  it('refuses what is damaged, or of another format', async () => {
    const parts = new MemoryParts();
    const ledger = await open(parts);
    await ledger.commit(change([intended('a', 1)]));
    const problem = async (how: (bytes: Buffer) => Buffer): Promise<string> => {
      const copy = new MemoryParts();
      for (const part of (await parts.read(UID)).ok
        ? ((await parts.read(UID)) as { value: readonly { name: string; bytes: Buffer }[] }).value
        : [])
        await copy.write(UID, part.name, part.bytes, undefined);
      copy.damage(UID, 'log', how);
      const opened = await WorkflowLedger.open(UID, copy, options('x'));
      return opened.ok ? 'opened' : opened.error;
    };
    for (let at = 8; at < 60; at += 7)
      expect(
        await problem((bytes) => {
          bytes[at] = (bytes[at] as number) ^ 4;
          return bytes;
        }),
      ).toBe('log of the ledger of workflow w is damaged');
    expect(await problem((bytes) => bytes.subarray(0, bytes.length - 3))).toContain('is damaged');
    expect(await problem((bytes) => Buffer.concat([Buffer.from('fxl9'), bytes.subarray(4)]))).toBe(
      'log of the ledger of workflow w is of format 9, which this version does not know',
    );
    expect(await problem(() => Buffer.from('hello'))).toContain('is no ledger');
  });

  it('takes at most 120 bytes a task, in objects of at most 64 KiB, and few writes', async () => {
    const tasks = 20_000;
    const random = seededRandom(7);
    const parts = new MemoryParts();
    const ledger = await open(parts);
    for (let from = 0; from < tasks; from += 100) {
      const keys = Array.from({ length: 100 }, (_, i) => `t/${from + i}`);
      const outputs = keys.map(() => digest(random));
      await ledger.commit(change(keys.map((key, i) => intended(key, 1, outputs[i]))));
      await ledger.commit(change(keys.map((key, i) => ended(key, 1, outputs[i] as string, from + i))));
    }
    await ledger.settled();
    expect(parts.bytes / tasks).toBeLessThanOrEqual(120);
    expect(parts.largest).toBeLessThanOrEqual(SHARD_SIZES.maxBytes);
    expect(parts.writes / tasks).toBeLessThanOrEqual(0.1);
    const again = await open(parts);
    expect(byKey(again.records())).toEqual(byKey(ledger.records()));
    expect(again.record('t/12345')).toEqual(ledger.record('t/12345'));
  }, 60_000);

  it('has a record that lies in two shards, since dividing one was cut short, from the later of them', async () => {
    const shard = async (upTo: number, floor: number): Promise<Buffer> =>
      pack(JSON.stringify({ upTo, records: [{ ...emptyRecord('a'), floor }] }));
    const [early, late] = [await shard(5, 1), await shard(9, 2)];
    for (const order of [
      [early, late],
      [late, early],
    ]) {
      const shards = new Shards(UID, SHARD_SIZES);
      order.forEach((bytes, n) => expect(shards.take(`shard-${n}`, bytes)).toBeUndefined());
      expect([...shards].map(({ floor }) => floor)).toEqual([2]);
      expect(shards.upTo('a')).toBe(9);
    }
  });

  it('keeps what does not follow from the rest', () => {
    const attempt = attemptOf('a', 1, 'made');
    const record = { key: 'renamed', attempts: [attempt], floor: 1, resetUpTo: 0, forgivenUpTo: 0, releasedUpTo: 0 };
    const whole = { ...record, cancelled: undefined, putBack: undefined, resetAlsoFor: undefined };
    expect(leanRecord(UID, whole).attempts[0]).not.toHaveProperty('definition');
    expect(leanRecord(UID, whole).attempts[0]).toHaveProperty('uid');
    expect(wholeRecord(UID, leanRecord(UID, whole))).toEqual(whole);
    const accepted = { ...whole, attempts: [{ ...attempt, definition: 'd', execution: 'e' }] };
    expect(wholeRecord(UID, leanRecord(UID, accepted))).toEqual(accepted);
  });
});
