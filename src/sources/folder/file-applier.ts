import { dirname } from 'node:path';
import type { LocatedDiagnostic } from '../../apis/diagnostic.ts';
import { diagnosticLine, shortened } from '../../apis/diagnostic-list.ts';
import { type LoadedDocument, loadWorkflows } from '../../apis/load.ts';
import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION } from '../../apis/meta.ts';
import type { WorkflowDocument } from '../../apis/workflow.ts';
import { type Backoff, backoffDelay } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import { HALF_WRITTEN_MS } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import {
  SOURCE_ANNOTATION,
  SOURCE_INODE_ANNOTATION,
  type SourceHome,
  type SourceRef,
  type SourceRefusal,
} from '../source.ts';
import { type Claim, type Claims, keyOf } from './claims.ts';
import { Contenders } from './contenders.ts';
import { type FileState, type FileStates, noteSignature } from './file-state.ts';
import { type FileRead, readWatchedFile } from './read-file.ts';
import { type FolderIdentity, mayExist } from './scan-folder.ts';

export interface FileApplierOptions {
  readonly home: SourceHome;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly claims: Claims;
  readonly states: FileStates;
  readonly identity: () => FolderIdentity | undefined;
  /** Have a file looked at soon. */
  readonly look: (file: string) => void;
  /** Have the whole folder gone through soon. */
  readonly scan: () => void;
}

type Outcome = 'Applied' | 'Refused' | 'Contends';

/** A refusal may end without the file being touched: an input appears, the home has time again. */
const RETRY: Backoff = { initialMs: 2_000, factor: 2, maxMs: 5 * 60_000, jitter: 0.1 };

/** Brings what a file says into the home, one file at a time: looks, judges the whole file, applies its workflows. */
export class FileApplier {
  readonly #o: FileApplierOptions;
  readonly #contenders = new Contenders();

  constructor(options: FileApplierOptions) {
    this.#o = options;
  }

  /** Level-triggered: what happened to the file does not matter, only what it holds now. */
  async look(file: string): Promise<void> {
    const read = await readWatchedFile(file);
    if (read.kind === 'Absent') return this.#o.scan();
    const state = this.#o.states.of(file);
    if (read.kind === 'Unreadable') return this.#unreadable(file, state, read.message);
    noteSignature(state, read.signature, this.#o.clock.monotonic());
    for (const claim of this.#o.claims.ofFile(file)) {
      if (claim.absent?.what !== 'File') continue;
      claim.absent = undefined;
      state.again = true;
    }
    if (read.digest === state.digest && !state.again) {
      state.unsure = undefined;
      return;
    }
    await this.#judge(file, state, read);
  }

  /** The name is free: whoever else declares it may have it. */
  release(claim: Claim): void {
    this.#o.claims.release(claim);
    this.wake(claim.key);
  }

  /**
   * Has those look again who declare a name that another file owns. `ownerDigest`: what the owner now holds; those
   * who were refused against that already are left alone.
   */
  wake(key: string, ownerDigest?: string): void {
    for (const file of this.#contenders.take(key, ownerDigest)) {
      this.#o.states.of(file).again = true;
      this.#o.look(file);
    }
  }

  async #unreadable(file: string, state: FileState, message: string): Promise<void> {
    // Without a signature the next pass over the folder tries again.
    state.signature = undefined;
    if (state.digest === `unreadable: ${message}`) return;
    state.digest = `unreadable: ${message}`;
    await this.#invalid(file, message);
  }

  async #judge(file: string, state: FileState, read: FileRead & { readonly kind: 'Text' }): Promise<void> {
    const { documents, diagnostics } = await loadWorkflows(read.text, file);
    const errors = diagnostics.filter((d) => d.severity === 'error');
    const looksCut = errors.length > 0 || !/[\n}\]]$/.test(read.text);
    if (looksCut && state.digest !== read.digest && this.#mayGrow(file, state, read.digest)) return;
    if (state.digest !== read.digest) {
      state.tries = 0;
      state.said.clear();
    }
    state.digest = read.digest;
    state.unsure = undefined;
    state.again = false;
    state.cancelRetry?.();
    if (errors.length > 0) await this.#invalid(file, messageOf(errors), isForeign(errors));
    else if (read.text.trim() === '')
      await this.#invalid(file, `${file} is empty; to delete its workflows, remove the file`);
    else await this.#applyAll(file, state, documents);
    for (const claim of this.#o.claims.ofFile(file)) this.wake(claim.key, state.digest);
  }

  /** Editors and copies write in pieces: what looks cut counts once it has stayed as it is for a moment. */
  #mayGrow(file: string, state: FileState, digest: string): boolean {
    const now = this.#o.clock.monotonic();
    if (state.unsure !== digest) {
      state.unsure = digest;
      state.unsureSince = now;
    }
    const left = HALF_WRITTEN_MS - (now - state.unsureSince);
    if (left > 0) this.#o.clock.after(left, () => this.#o.look(file));
    return left > 0;
  }

  /** A file counts as a whole: nothing of a broken one is applied, and what it owned stays as it is. */
  async #invalid(file: string, message: string, foreign = false): Promise<void> {
    const claims = this.#o.claims.ofFile(file).filter((claim) => claim.inHome);
    for (const claim of claims) {
      claim.absent = undefined;
      await this.#report(claim, message);
    }
    if (claims.length > 0) return;
    const level = foreign ? 'debug' : 'warn';
    this.#o.logger[level](
      { file, problem: message },
      'a file of the watched folder holds no workflow that can be applied',
    );
  }

  async #applyAll(file: string, state: FileState, documents: readonly LoadedDocument[]): Promise<void> {
    const stamped = documents.map((loaded) => ({ loaded, document: this.#stamp(loaded.document, file) }));
    const declared = new Set(stamped.map(({ document }) => keyOf(refOf(document))));
    for (const claim of this.#o.claims.ofFile(file)) if (!declared.has(claim.key)) this.#dropped(claim);
    let refused = false;
    for (const { loaded, document } of stamped) {
      const outcome = await this.#applyOne(file, state, document, loaded);
      refused ||= outcome === 'Refused';
    }
    if (refused) this.#retry(file, state);
    else state.tries = 0;
  }

  /** The file is there and holds the workflow no more. */
  #dropped(claim: Claim): void {
    if (!claim.inHome) return this.release(claim);
    claim.absent ??= { since: this.#o.clock.monotonic(), what: 'Document' };
    this.wake(claim.key);
    this.#o.scan();
  }

  async #applyOne(
    file: string,
    state: FileState,
    document: WorkflowDocument,
    loaded: LoadedDocument,
  ): Promise<Outcome> {
    const ref = refOf(document);
    const claimed = await this.#claim(file, state, ref);
    if (typeof claimed === 'string') return claimed;
    const applied = await this.#o.home.apply(document);
    if (!applied.ok) return this.#refused(file, state, claimed, refusalMessage(applied.error, loaded, file));
    claimed.inHome = true;
    claimed.stampedFile = file;
    claimed.absent = undefined;
    claimed.invalid = undefined;
    if (applied.value.outcome !== 'Unchanged')
      this.#o.logger.info(
        { file, workflow: ref.name, namespace: ref.namespace, outcome: applied.value.outcome },
        'applied',
      );
    return 'Applied';
  }

  async #refused(file: string, state: FileState, claim: Claim, message: string): Promise<Outcome> {
    if (claim.inHome) await this.#report(claim, message);
    else {
      this.#say(file, state, claim.key, message, 'refused');
      this.release(claim);
    }
    return 'Refused';
  }

  async #claim(file: string, state: FileState, ref: SourceRef): Promise<Claim | Outcome> {
    const claim = this.#o.claims.get(keyOf(ref));
    if (claim === undefined) return this.#claimNew(file, state, ref);
    if (claim.deleting) return this.#contend(file, claim, undefined);
    if (claim.file === file) return claim;
    const left = claim.absent?.what === 'Document' || !(await mayExist(claim.file));
    const now = this.#o.claims.get(claim.key);
    if (now !== claim || claim.deleting) return this.#contend(file, claim, undefined);
    if (left) {
      this.#o.logger.info({ from: claim.file, to: file, workflow: ref.name }, 'moved to another file');
      this.#o.claims.move(claim, file, this.#o.identity());
      return claim;
    }
    const judged = await this.#judgedDigest(claim.file);
    if (judged !== undefined) this.#say(file, state, claim.key, bothNames(ref, file, claim.file), 'refused');
    else this.#o.look(claim.file);
    return this.#contend(file, claim, judged);
  }

  /** Someone outside this folder may own it: another watched folder, or nobody any more. */
  async #claimNew(file: string, state: FileState, ref: SourceRef): Promise<Claim | Outcome> {
    // Taken before anything is waited for, so that of two files that come together only one gets it.
    const claim = this.#o.claims.take(ref, file, this.#o.identity());
    const existing = await this.#o.home.get(ref);
    const owner = existing.ok ? existing.value.metadata.annotations?.[SOURCE_ANNOTATION] : undefined;
    if (owner === undefined || owner === file || !(await mayExist(owner))) return claim;
    return this.#refused(file, state, claim, bothNames(ref, file, owner));
  }

  #contend(file: string, claim: Claim, ownerDigest: string | undefined): Outcome {
    this.#contenders.add(claim.key, file, ownerDigest);
    // It may have come free while we were looking; then nobody would wake this file.
    if (this.#o.claims.get(claim.key) === undefined) this.wake(claim.key);
    return 'Contends';
  }

  /** The digest of the file's content if that has been judged, undefined if it changed since. */
  async #judgedDigest(file: string): Promise<string | undefined> {
    const read = await readWatchedFile(file);
    const judged = this.#o.states.find(file)?.digest;
    if (read.kind === 'Unreadable') return judged;
    return read.kind === 'Text' && read.digest === judged ? judged : undefined;
  }

  #retry(file: string, state: FileState): void {
    state.tries++;
    state.cancelRetry?.();
    state.cancelRetry = this.#o.clock.after(backoffDelay(RETRY, state.tries, `${file}:${state.tries}`), () => {
      state.again = true;
      this.#o.look(file);
    });
  }

  async #report(claim: Claim, message: string): Promise<void> {
    if (claim.invalid === message) return;
    claim.invalid = message;
    const { ref, file } = claim;
    this.#o.logger.warn(
      { file, workflow: ref.name, namespace: ref.namespace, problem: message },
      'not applied; the last good generation stays in force',
    );
    await this.#o.home.reportInvalid?.(ref, message);
  }

  #say(file: string, state: FileState, key: string, problem: string, what: string): void {
    if (state.said.get(key) === problem) return;
    state.said.set(key, problem);
    this.#o.logger.warn({ file, workflow: key, problem }, what);
  }

  #stamp(document: WorkflowDocument, file: string): WorkflowDocument {
    const inode = this.#o.identity()?.inode;
    const annotations = {
      ...document.metadata.annotations,
      [FOLDER_ANNOTATION]: dirname(file),
      [SOURCE_ANNOTATION]: file,
      ...(inode === undefined ? {} : { [SOURCE_INODE_ANNOTATION]: inode }),
    };
    const namespace = document.metadata.namespace ?? DEFAULT_NAMESPACE;
    return { ...document, metadata: { ...document.metadata, namespace, annotations } };
  }
}

function refOf(document: WorkflowDocument): SourceRef {
  return { namespace: document.metadata.namespace ?? DEFAULT_NAMESPACE, name: document.metadata.name };
}

function bothNames(ref: SourceRef, file: string, owner: string): string {
  return `${file} declares workflow ${ref.name} of namespace ${ref.namespace}, which ${owner} owns; give one of them another name`;
}

/** Data that happens to end in .json or .yaml is no mistake of anybody's. */
function isForeign(errors: readonly LocatedDiagnostic[]): boolean {
  return errors.every((d) => d.code === 'E-REQUIRED' && d.path.length === 0);
}

function refusalMessage(error: SourceRefusal, loaded: LoadedDocument, file: string): string {
  const located = (error.diagnostics ?? []).map((d) => loaded.locate(d));
  return located.length > 0 ? messageOf(located) : `${file}: ${error.message}`;
}

function messageOf(diagnostics: readonly LocatedDiagnostic[]): string {
  return shortened(diagnostics.map(diagnosticLine));
}
