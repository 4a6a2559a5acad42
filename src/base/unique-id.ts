import { randomUUID } from 'node:crypto';

/** A random UUID: for uids, which must never come up twice. */
export function uniqueId(): string {
  return randomUUID();
}
