import { ok, type Result } from '../../src/base/result.ts';
import type { LedgerParts, Part, PartWritten } from '../../src/store/cluster/ledger-parts.ts';

/** What may happen to a write instead of being carried out and answered. */
export type Fate = 'Refused' | 'Lost' | 'Carried out, and no answer' | 'Carried out later';

/** Objects of an API server, as far as a ledger minds: versions, and answers that do not come. */
export class MemoryParts implements LedgerParts {
  readonly #objects = new Map<string, { readonly version: string; readonly bytes: Buffer }>();
  #version = 0;
  writes = 0;
  writtenBytes = 0;
  largest = 0;
  fateOf: (name: string) => Fate | undefined = () => undefined;
  /** Whoever wrote before this was counted up is dead. */
  life = 0;

  /** As a process sees it: nothing of it reaches the server after `life` has gone on. */
  forLife(): LedgerParts {
    const life = this.life;
    const alive = async <T>(does: () => Promise<T>): Promise<T> =>
      life === this.life ? does() : new Promise(() => undefined);
    return {
      read: (workflow) => alive(() => this.read(workflow)),
      write: (workflow, name, bytes, over) => alive(() => this.write(workflow, name, bytes, over)),
      remove: (workflow, names) => alive(() => this.remove(workflow, names)),
    };
  }

  async read(workflow: string): Promise<Result<readonly Part[], string>> {
    const parts: Part[] = [];
    for (const [id, object] of this.#objects)
      if (id.startsWith(`${workflow} `)) parts.push({ name: id.slice(workflow.length + 1), ...object });
    return ok(parts);
  }

  async write(workflow: string, name: string, bytes: Buffer, over: string | undefined): Promise<PartWritten> {
    const write = (): PartWritten => {
      if (this.#objects.get(`${workflow} ${name}`)?.version !== over) return { outcome: 'Changed' };
      const version = String(++this.#version);
      this.#objects.set(`${workflow} ${name}`, { version, bytes });
      this.writes++;
      this.writtenBytes += bytes.length;
      this.largest = Math.max(this.largest, bytes.length);
      return { outcome: 'Written', version };
    };
    await Promise.resolve();
    switch (this.fateOf(name)) {
      case 'Refused':
        return { outcome: 'Refused', message: 'it is too busy' };
      case 'Lost':
        return { outcome: 'Unknown', message: 'no answer' };
      case 'Carried out, and no answer':
        write();
        return { outcome: 'Unknown', message: 'no answer' };
      case 'Carried out later':
        setImmediate(() => setImmediate(write));
        return { outcome: 'Unknown', message: 'no answer' };
      case undefined:
        return write();
    }
  }

  async remove(workflow: string, names: readonly string[]): Promise<Result<void, string>> {
    for (const name of names) this.#objects.delete(`${workflow} ${name}`);
    return ok(undefined);
  }

  /** All that is kept, in bytes. */
  get bytes(): number {
    let bytes = 0;
    for (const object of this.#objects.values()) bytes += object.bytes.length;
    return bytes;
  }

  damage(workflow: string, name: string, change: (bytes: Buffer) => Buffer): void {
    const id = `${workflow} ${name}`;
    const object = this.#objects.get(id);
    if (object) this.#objects.set(id, { version: object.version, bytes: change(Buffer.from(object.bytes)) });
  }
}
