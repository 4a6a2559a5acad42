import type { FileSpace } from '../backends/backend.ts';
import { type Look, lookId, unreadableFact } from '../planning/facts.ts';
import { lastSuccess, type TaskRecord, UNREAD } from '../planning/record.ts';

/**
 * Files as the ledger last saw them: for who looks at a workflow from where its files are not. What nobody has recorded
 * cannot be told.
 */
export class RecordedFiles implements FileSpace {
  readonly #facts = new Map<string, string>();
  readonly #folder: string;

  /** `folder`: what paths of tracked scripts are relative to. */
  constructor(records: Iterable<TaskRecord>, folder: string) {
    this.#folder = folder;
    for (const record of records) this.#learn(record);
  }

  #learn(record: TaskRecord): void {
    const success = lastSuccess(record);
    if (!success) return;
    for (const { slot, looks } of success.reads ?? [])
      looks.forEach((look, at) => {
        const digest = success.contributions.precise[slot]?.[at];
        if (look !== UNREAD && digest !== undefined && !this.#facts.has(look)) this.#facts.set(look, digest);
      });
    for (const [path, digest] of Object.entries(success.preimage.code as { readonly [path: string]: string }))
      this.#facts.set(path.startsWith('/') ? path : `${this.#folder}/${path}`, digest);
    // What a task made outranks what a reader saw before.
    for (const { name, lookId: look } of success.writes) {
      const made = success.outcome?.outputs.find((output) => output.name === name)?.digest;
      if (made !== undefined) this.#facts.set(look, made);
    }
  }

  async look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>> {
    return new Map(looks.map(lookId).map((id) => [id, this.#facts.get(id) ?? unreadableFact('ELSEWHERE')]));
  }

  async restore(): Promise<boolean> {
    return false;
  }

  async setAside(): Promise<boolean> {
    return false;
  }

  async matching(): Promise<readonly string[]> {
    return [];
  }

  size(): number {
    return 0;
  }
}
