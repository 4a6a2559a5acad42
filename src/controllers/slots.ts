import type { Capacity, Lane } from '../backends/backend.ts';
import { capacityKey, type Needs } from '../planning/record.ts';

/**
 * What live attempts of all workflows hold of one backend's capacity.
 *
 * Short attempts may be submitted ahead of their turn: they hold nothing, wait in the lane of those that ask for the same,
 * and one of them starts when one of these ends, without our being asked. So the backend never waits for us between two
 * short tasks, and what ended together is decided and written together. Both sides count ends, and thereby agree: the
 * backend is told with each of a lane how many hold, and lets no more run. It may hear of one that follows before it
 * hears of one that holds, since that takes longer to hand over; then the first takes the other's place.
 *
 * | an attempt | holds capacity | until |
 * |---|---|---|
 * | follows | no | one of its lane that holds gives back, and it is the first: it holds what that one held |
 * | holds | yes | it gives back: to the first that follows in its lane, else to all |
 */

/** No more than about so much work, in milliseconds, is promised ahead per attempt that runs: later news must count. */
const AHEAD_MS = 100;
/** However short they are: what is submitted ahead is withdrawn again when the daemon dies. */
const MAX_AHEAD = 16;
/** So many of a lane must have ended before anybody says that they are short. */
const MIN_ENDED = 3;
/** Lanes that are remembered, for how long their attempts take. */
const MAX_LANES = 256;
/** Share of the latest one in the average time that attempts of a lane take. */
const LATEST = 0.25;

type Amounts = Omit<Needs, 'walltimeMs'>;

interface OpenLane {
  readonly name: number;
  readonly key: string;
  holding: number;
  readonly following: Set<string>;
  ended: number;
  averageMs: number;
}

interface Held {
  readonly needs: Amounts;
  /** Undefined: of an earlier daemon; its spawner knows of no lane of ours. */
  readonly lane: OpenLane | undefined;
}

export class Slots {
  readonly #capacity: Capacity;
  readonly #held = new Map<string, Held>();
  readonly #follows = new Map<string, Held & { readonly lane: OpenLane }>();
  readonly #lanes = new Map<string, OpenLane>();
  readonly #onFree: () => void;
  #used: { cpu: number; memoryBytes: number; gpu: number } = { cpu: 0, memoryBytes: 0, gpu: 0 };
  #names = 0;

  constructor(capacity: Capacity, onFree: () => void) {
    this.#capacity = capacity;
    this.#onFree = onFree;
  }

  get capacity(): Capacity {
    return this.#capacity;
  }

  /** There may be room left that is too little for anybody. */
  get isFull(): boolean {
    const { cpu, attempts } = this.free();
    return cpu <= 0 || attempts <= 0;
  }

  free(): Capacity & { readonly attempts: number } {
    return {
      attempts: (this.#capacity.attempts ?? Number.POSITIVE_INFINITY) - this.#held.size,
      cpu: this.#capacity.cpu - this.#used.cpu,
      memoryBytes: this.#capacity.memoryBytes - this.#used.memoryBytes,
      gpu: this.#capacity.gpu - this.#used.gpu,
    };
  }

  /** Live attempts that wait for their turn. */
  get followers(): ReadonlyMap<string, unknown> {
    return this.#follows;
  }

  /** How many more that ask for this may be submitted ahead, once `starting` that ask for it have taken their capacity. */
  ahead(needs: Amounts, starting: number): number {
    // Which devices one gets is said when it is submitted.
    const lane = needs.gpu === 0 ? this.#lanes.get(capacityKey(needs)) : undefined;
    if (!lane || lane.ended < MIN_ENDED) return 0;
    const each = Math.min(MAX_AHEAD, Math.floor(AHEAD_MS / Math.max(1, lane.averageMs)));
    return each * (lane.holding + starting) - lane.following.size;
  }

  /** One that an earlier daemon started. */
  keep(uid: string, needs: Amounts): void {
    if (!this.#held.has(uid)) this.#hold(uid, { needs, lane: undefined });
  }

  take(uid: string, needs: Amounts): void {
    if (!this.#held.has(uid)) this.#hold(uid, { needs, lane: this.#laneOf(needs) });
  }

  follow(uid: string, needs: Amounts): void {
    const lane = this.#laneOf(needs);
    lane.following.add(uid);
    this.#follows.set(uid, { needs, lane });
  }

  /** What the backend has to know of it to count as we do. */
  lane(uid: string): Lane | undefined {
    const lane = (this.#follows.get(uid) ?? this.#held.get(uid))?.lane;
    return lane && { name: lane.name, room: lane.holding };
  }

  /** `tookMs`: how long it ran, if it did. */
  giveBack(uid: string, tookMs?: number): void {
    const follows = this.#follows.get(uid);
    if (follows) this.#leave(uid, follows.lane);
    const held = this.#held.get(uid);
    if (!held) return;
    this.#held.delete(uid);
    this.#add(held.needs, -1);
    const { lane } = held;
    if (!lane) return this.#onFree();
    lane.holding--;
    if (tookMs !== undefined) noteEnd(lane, tookMs);
    for (const first of lane.following) {
      this.#leave(first, lane);
      return this.#hold(first, { needs: held.needs, lane });
    }
    if (this.#lanes.size > MAX_LANES) this.#forgetIdle();
    this.#onFree();
  }

  #forgetIdle(): void {
    for (const lane of this.#lanes.values()) if (lane.holding === 0) this.#lanes.delete(lane.key);
  }

  #hold(uid: string, held: Held): void {
    this.#held.set(uid, held);
    if (held.lane) held.lane.holding++;
    this.#add(held.needs, 1);
  }

  #leave(uid: string, lane: OpenLane): void {
    lane.following.delete(uid);
    this.#follows.delete(uid);
  }

  #laneOf(needs: Amounts): OpenLane {
    const key = capacityKey(needs);
    const known = this.#lanes.get(key);
    if (known) return known;
    const lane = { name: ++this.#names, key, holding: 0, following: new Set<string>(), ended: 0, averageMs: 0 };
    this.#lanes.set(key, lane);
    return lane;
  }

  #add(needs: Amounts, sign: 1 | -1): void {
    const u = this.#used;
    this.#used = {
      cpu: u.cpu + sign * needs.cpu,
      memoryBytes: u.memoryBytes + sign * needs.memoryBytes,
      gpu: u.gpu + sign * needs.gpu,
    };
  }
}

function noteEnd(lane: OpenLane, tookMs: number): void {
  lane.averageMs = lane.ended === 0 ? tookMs : tookMs * LATEST + lane.averageMs * (1 - LATEST);
  lane.ended++;
}
