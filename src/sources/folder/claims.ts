import type { SourceRef } from '../source.ts';
import type { FolderIdentity } from './scan-folder.ts';

/** That a file declares a workflow. The first file to do so keeps it until it is gone or declares it no more. */
export interface Claim {
  readonly key: string;
  readonly ref: SourceRef;
  file: string;
  /** The home has the workflow from here; before that there is nothing to keep or to delete. */
  inHome: boolean;
  /** The owner that the home has on record. */
  stampedFile: string | undefined;
  /** Since when (monotonic) it is not declared any more: its file is gone, or its document is gone from the file. */
  absent: { readonly since: number; readonly what: 'File' | 'Document' } | undefined;
  /** Why an absence is not believed: the file lay in another folder or file system than the one that is here now. */
  elsewhere: string | undefined;
  /** The watched folder that the file was last seen in. */
  seenIn: FolderIdentity | undefined;
  /** The device of the file's own folder then. */
  device: string | undefined;
  deleting: boolean;
  /** What was reported last, so that it is reported once. */
  invalid: string | undefined;
  suspect: string | undefined;
}

export function keyOf(ref: SourceRef): string {
  return `${ref.namespace}/${ref.name}`;
}

/** Who declares what, in one watched folder. */
export class Claims {
  readonly #byKey = new Map<string, Claim>();
  readonly #byFile = new Map<string, Set<Claim>>();

  all(): IterableIterator<Claim> {
    return this.#byKey.values();
  }

  get(key: string): Claim | undefined {
    return this.#byKey.get(key);
  }

  ofFile(file: string): readonly Claim[] {
    return [...(this.#byFile.get(file) ?? [])];
  }

  take(ref: SourceRef, file: string, seenIn: FolderIdentity | undefined): Claim {
    const claim: Claim = {
      key: keyOf(ref),
      ref,
      file,
      inHome: false,
      stampedFile: undefined,
      absent: undefined,
      elsewhere: undefined,
      seenIn,
      device: undefined,
      deleting: false,
      invalid: undefined,
      suspect: undefined,
    };
    this.#byKey.set(claim.key, claim);
    this.#index(claim);
    return claim;
  }

  /** The workflow is declared by another file of the folder from now on; it goes on as if nothing had happened. */
  move(claim: Claim, file: string, seenIn: FolderIdentity | undefined): void {
    this.#unindex(claim);
    claim.file = file;
    claim.absent = undefined;
    claim.elsewhere = undefined;
    claim.seenIn = seenIn;
    claim.device = undefined;
    this.#index(claim);
  }

  release(claim: Claim): void {
    if (this.#byKey.get(claim.key) === claim) this.#byKey.delete(claim.key);
    this.#unindex(claim);
  }

  #index(claim: Claim): void {
    const others = this.#byFile.get(claim.file);
    if (others === undefined) this.#byFile.set(claim.file, new Set([claim]));
    else others.add(claim);
  }

  #unindex(claim: Claim): void {
    const others = this.#byFile.get(claim.file);
    others?.delete(claim);
    if (others?.size === 0) this.#byFile.delete(claim.file);
  }
}
