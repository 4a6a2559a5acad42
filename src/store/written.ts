import type { TaskRecord } from '../planning/record.ts';

/** A record is written when its attempt is intended, started and ended: seldom more than these many tasks apart. */
const MAX_RECORDS = 2_000;
const MAX_NAMES = 10_000;

/**
 * What this process has just written, so that it need not be read back or written twice. Only ever what is in the ledger,
 * or about to be: whoever cannot be sure of that clears it.
 */
export class Written {
  readonly #records = new Map<string, TaskRecord>();
  readonly #names = new Set<string>();

  record(workflow: string, key: string): TaskRecord | undefined {
    return this.#records.get(`${workflow} ${key}`);
  }

  keep(workflow: string, record: TaskRecord): void {
    const name = `${workflow} ${record.key}`;
    this.#records.delete(name);
    this.#records.set(name, record);
    if (this.#records.size <= MAX_RECORDS) return;
    // The first of a map is the one that was kept the longest ago.
    for (const oldest of this.#records.keys()) {
      this.#records.delete(oldest);
      break;
    }
  }

  /** True the first time. */
  isNew(name: string): boolean {
    if (this.#names.has(name)) return false;
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.add(name);
    return true;
  }

  clear(): void {
    this.#records.clear();
    this.#names.clear();
  }
}
