import type { TaskRecord } from '../../planning/record.ts';
import { type LeanRecord, leanRecord, wholeRecord } from './lean-record.ts';
import { pack, unpack } from './packed.ts';

export interface ShardSizes {
  /** A shard takes no more records when it is so long; an object of an API server may be of 1 MiB, and is written whole. */
  readonly fullBytes: number;
  /** What it may grow to, by records that get longer, before it is divided. */
  readonly maxBytes: number;
}

export const SHARD_SIZES: ShardSizes = { fullBytes: 32 * 1024, maxBytes: 64 * 1024 };

/** Of a record that nobody has packed yet. */
const LIKELY_BYTES = 100;
/** Shards whose records are held in memory as they are; of the others only the bytes. */
const OPENED_AT_ONCE = 8;

interface Shard {
  readonly name: string;
  /** Every entry up to this one is in it, as far as its records are concerned. */
  upTo: number;
  bytes: Buffer | undefined;
  count: number;
}

interface ShardContent {
  readonly upTo: number;
  readonly records: readonly LeanRecord[];
}

/** What a shard would be with these records. */
export interface ShardDraft {
  readonly shard: Shard;
  readonly bytes: Buffer;
  readonly records: readonly TaskRecord[];
}

/**
 * The records that are not in the log: which shard holds a key's, and reading them. Keys stay where they are, so that a record
 * that changes touches one object; new ones go to the last shard, so that what runs together lies together.
 */
export class Shards {
  readonly #workflow: string;
  readonly #sizes: ShardSizes;
  readonly #shards: Shard[] = [];
  readonly #places = new Map<string, Shard>();
  /** The last used last. */
  readonly #opened = new Map<Shard, ReadonlyMap<string, TaskRecord>>();

  constructor(workflow: string, sizes: ShardSizes) {
    this.#workflow = workflow;
    this.#sizes = sizes;
  }

  get names(): readonly string[] {
    return this.#shards.filter(({ bytes }) => bytes !== undefined).map(({ name }) => name);
  }

  /** One that lies in the cluster. Of a key in two (dividing was cut short) the later one counts. The error ends a sentence. */
  take(name: string, bytes: Buffer): string | undefined {
    const content = unpack(bytes);
    if (!content.ok) return content.error;
    const { upTo, records } = content.value as unknown as ShardContent;
    const shard: Shard = { name, upTo, bytes, count: records.length };
    this.#shards.push(shard);
    for (const { key } of records) {
      const other = this.#places.get(key);
      if (!other || other.upTo < upTo) this.#places.set(key, shard);
    }
    return undefined;
  }

  get(key: string): TaskRecord | undefined {
    const shard = this.#places.get(key);
    return shard && this.#open(shard).get(key);
  }

  upTo(key: string): number {
    return this.#places.get(key)?.upTo ?? 0;
  }

  *[Symbol.iterator](): Iterator<TaskRecord> {
    for (const shard of this.#shards)
      for (const [key, record] of this.#open(shard)) if (this.#places.get(key) === shard) yield record;
  }

  /** The shards that change by these records, which include every entry up to this one. */
  async drafts(changed: readonly TaskRecord[], upTo: number): Promise<readonly ShardDraft[]> {
    const byShard = new Map<Shard, TaskRecord[]>();
    for (const record of changed) {
      const shard = this.#places.get(record.key) ?? this.#roomFor(byShard);
      const its = byShard.get(shard) ?? [];
      byShard.set(shard, its);
      its.push(record);
    }
    const drafts: ShardDraft[] = [];
    for (const [shard, records] of byShard) drafts.push(...(await this.#drafted(shard, records, upTo)));
    return drafts;
  }

  /** It lies in the cluster now. */
  written({ shard, bytes, records }: ShardDraft, upTo: number): void {
    Object.assign(shard, { bytes, upTo, count: records.length });
    this.#opened.delete(shard);
    for (const { key } of records) this.#places.set(key, shard);
  }

  #roomFor(drafted: ReadonlyMap<Shard, readonly TaskRecord[]>): Shard {
    const last = this.#shards.at(-1);
    if (last) {
      const each = last.count === 0 ? LIKELY_BYTES : (last.bytes?.length ?? 0) / last.count;
      const coming = (drafted.get(last) ?? []).filter(({ key }) => !this.#places.has(key)).length;
      if ((last.bytes?.length ?? 0) + each * coming < this.#sizes.fullBytes) return last;
    }
    const shard = this.#newShard();
    this.#shards.push(shard);
    return shard;
  }

  #newShard(): Shard {
    const used = new Set(this.#shards.map(({ name }) => name));
    let n = this.#shards.length;
    while (used.has(shardName(n))) n++;
    return { name: shardName(n), upTo: 0, bytes: undefined, count: 0 };
  }

  /** One that has become too long is divided: what goes elsewhere is written there first, and is in both for a moment. */
  async #drafted(shard: Shard, changed: readonly TaskRecord[], upTo: number): Promise<readonly ShardDraft[]> {
    const records = new Map(shard.bytes === undefined ? [] : this.#own(shard));
    for (const record of changed) records.set(record.key, record);
    const all = [...records.values()];
    const bytes = await this.#packed(all, upTo);
    if (bytes.length <= this.#sizes.maxBytes || all.length < 2) return [{ shard, bytes, records: all }];
    const other = this.#newShard();
    this.#shards.push(other);
    const [stay, go] = [all.slice(0, all.length >> 1), all.slice(all.length >> 1)];
    return [
      { shard: other, bytes: await this.#packed(go, upTo), records: go },
      { shard, bytes: await this.#packed(stay, upTo), records: stay },
    ];
  }

  #packed(records: readonly TaskRecord[], upTo: number): Promise<Buffer> {
    const content: ShardContent = { upTo, records: records.map((record) => leanRecord(this.#workflow, record)) };
    return pack(JSON.stringify(content));
  }

  *#own(shard: Shard): Iterable<[string, TaskRecord]> {
    for (const [key, record] of this.#open(shard)) if (this.#places.get(key) === shard) yield [key, record];
  }

  #open(shard: Shard): ReadonlyMap<string, TaskRecord> {
    const opened = this.#opened.get(shard) ?? this.#read(shard);
    this.#opened.delete(shard);
    this.#opened.set(shard, opened);
    if (this.#opened.size > OPENED_AT_ONCE) for (const [oldest] of this.#opened) return this.#closed(oldest, opened);
    return opened;
  }

  #closed(oldest: Shard, opened: ReadonlyMap<string, TaskRecord>): ReadonlyMap<string, TaskRecord> {
    this.#opened.delete(oldest);
    return opened;
  }

  #read({ bytes }: Shard): ReadonlyMap<string, TaskRecord> {
    if (bytes === undefined) return new Map();
    const content = unpack(bytes);
    // It was read when it was taken, or made here.
    if (!content.ok) throw new Error(`a shard in memory ${content.error}`);
    const { records } = content.value as unknown as ShardContent;
    return new Map(records.map((record) => [record.key, wholeRecord(this.#workflow, record)]));
  }
}

const SHARD_NAME = /^shard-(0|[1-9]\d*)$/;

export function isShard(name: string): boolean {
  return SHARD_NAME.test(name);
}

function shardName(n: number): string {
  return `shard-${n}`;
}
