import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { API_VERSION } from '../../../src/apis/meta.ts';
import type { Workflow, WorkflowDocument } from '../../../src/apis/workflow.ts';
import { canonicalJson } from '../../../src/base/canonical-json.ts';
import type { Json } from '../../../src/base/json.ts';
import type { LogFields, Logger } from '../../../src/base/logger.ts';
import { fail, ok, type Result } from '../../../src/base/result.ts';
import { type FolderSource, startFolderSource } from '../../../src/sources/folder/folder-source.ts';
import type { SourceApplied, SourceHome, SourceRef, SourceRefusal } from '../../../src/sources/source.ts';
import { StandingClock } from './folder-clock.ts';

/** A home that keeps resources in memory and forgets nothing of what it was told. It runs nothing. */
export class MemoryHome implements SourceHome {
  readonly objects = new Map<string, Workflow>();
  readonly applied: string[] = [];
  readonly deleted: string[] = [];
  /** Problems in force, as the home would show them: an apply that succeeds clears them. */
  readonly invalid = new Map<string, string>();
  readonly suspect = new Map<string, string>();
  /** Names that admission refuses, and why. */
  readonly refuse = new Map<string, SourceRefusal>();
  atOnce = 0;
  mostAtOnce = 0;

  async apply(document: WorkflowDocument): Promise<Result<SourceApplied, SourceRefusal>> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    // As long as a write takes, so that what runs side by side does.
    await new Promise((resolve) => setImmediate(resolve));
    this.atOnce--;
    const { name } = document.metadata;
    this.applied.push(name);
    const refusal = this.refuse.get(name);
    if (refusal !== undefined) return fail(refusal);
    const key = keyOf({ namespace: document.metadata.namespace ?? '?', name });
    this.invalid.delete(key);
    const old = this.objects.get(key);
    const said = (d: WorkflowDocument): string =>
      canonicalJson({ spec: d.spec, annotations: d.metadata.annotations ?? {} } as unknown as Json);
    if (old !== undefined && said(old) === said(document)) return ok({ outcome: 'Unchanged', warnings: [] });
    const generation = (old?.metadata.generation ?? 0) + 1;
    const metadata = { uid: key, resourceVersion: '1', creationTimestamp: '', ...document.metadata, generation };
    this.objects.set(key, { ...document, metadata } as Workflow);
    return ok({ outcome: old === undefined ? 'Created' : 'Configured', warnings: [] });
  }

  async get(ref: SourceRef): Promise<Result<Workflow, SourceRefusal>> {
    const found = this.objects.get(keyOf(ref));
    return found === undefined ? fail({ reason: 'NotFound', message: 'not found' }) : ok(found);
  }

  async delete(ref: SourceRef): Promise<Result<unknown, SourceRefusal>> {
    if (!this.objects.delete(keyOf(ref))) return fail({ reason: 'NotFound', message: 'not found' });
    this.deleted.push(ref.name);
    return ok(undefined);
  }

  async list(): Promise<{ readonly items: readonly Workflow[] }> {
    return { items: [...this.objects.values()] };
  }

  reportInvalid(ref: SourceRef, message: string): void {
    this.invalid.set(keyOf(ref), message);
  }

  reportSuspect(ref: SourceRef, message: string | undefined): void {
    if (message === undefined) this.suspect.delete(keyOf(ref));
    else this.suspect.set(keyOf(ref), message);
  }

  names(): string[] {
    return [...this.objects.values()].map((w) => w.metadata.name).sort();
  }

  /** What the first task runs: tells which text is in force. */
  runs(name: string): string | undefined {
    return this.objects.get(`default/${name}`)?.spec.tasks[0]?.run;
  }

  annotations(name: string): Readonly<Record<string, string>> {
    return this.objects.get(`default/${name}`)?.metadata.annotations ?? {};
  }
}

function keyOf(ref: SourceRef): string {
  return `${ref.namespace}/${ref.name}`;
}

/** A watched folder in a folder of its own, which is `outside`. */
export class FolderRig {
  readonly home: MemoryHome;
  readonly clock = new StandingClock();
  readonly log: { readonly fields: LogFields; readonly message: string }[] = [];
  readonly outside: string;
  readonly dir: string;
  #source: FolderSource | undefined;

  private constructor(outside: string, home: MemoryHome) {
    this.outside = outside;
    this.dir = join(outside, 'watched');
    this.home = home;
  }

  static async make(): Promise<FolderRig> {
    const rig = new FolderRig(await mkdtemp(join(tmpdir(), 'fixpoint-folder-')), new MemoryHome());
    await mkdir(rig.dir);
    return rig;
  }

  async start(dir = this.dir): Promise<void> {
    this.#source = await startFolderSource({ dir, home: this.home, clock: this.clock, logger: this.#logger() });
    await this.settled();
  }

  async stop(): Promise<void> {
    await this.#source?.close();
    this.#source = undefined;
  }

  async end(): Promise<void> {
    await this.stop();
    await rm(this.outside, { recursive: true, force: true });
  }

  async settled(): Promise<void> {
    await this.#source?.settled();
  }

  /** Lets time pass as a clock does: what comes due is done before the next second. */
  async pass(ms: number): Promise<void> {
    await this.settled();
    for (let left = ms; left > 0; left -= 1_000) {
      this.clock.advance(Math.min(1_000, left));
      await this.settled();
    }
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), text);
  }

  /** As careful editors do. */
  async replace(name: string, text: string): Promise<void> {
    await writeFile(join(this.outside, 'new'), text);
    await rename(join(this.outside, 'new'), this.path(name));
  }

  async remove(...names: string[]): Promise<void> {
    for (const name of names) await rm(this.path(name), { recursive: true });
  }

  said(part: string): boolean {
    return this.log.some(({ fields, message }) => `${message} ${JSON.stringify(fields)}`.includes(part));
  }

  #logger(): Logger {
    const note = (fields: LogFields, message: string): void => void this.log.push({ fields, message });
    return { debug: note, info: note, warn: note, error: note };
  }
}

/** A workflow of one task, as a person writes it. */
export function workflow(name: string, run = 'echo old'): string {
  return `apiVersion: ${API_VERSION}\nkind: Workflow\nmetadata:\n  name: ${name}\nspec:\n  tasks:\n  - name: only\n    run: ${run}\n`;
}

export function workflows(...names: string[]): string {
  return names.map((name) => workflow(name)).join('---\n');
}
