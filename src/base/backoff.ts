import { sha256Hex } from './digest.ts';

export interface Backoff {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Part of the delay that may be added or taken away, 0..1. */
  readonly jitter: number;
}

/**
 * The delay before try number `tries + 1`: exponential, capped, with jitter. The jitter comes from `seed`, not
 * from chance, so that a decision made again after a crash is the same.
 */
export function backoffDelay(backoff: Backoff, tries: number, seed: string): number {
  const raw = Math.min(backoff.initialMs * backoff.factor ** Math.max(0, tries - 1), backoff.maxMs);
  const unit = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) / 0xffffffff;
  return Math.round(raw * (1 + backoff.jitter * (2 * unit - 1)));
}
