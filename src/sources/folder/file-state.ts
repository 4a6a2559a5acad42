/** What is remembered of a file beyond the workflows that it owns. */
export interface FileState {
  /** Of the content that was judged last; `unreadable: …` where there was none. */
  digest: string | undefined;
  /** Of content that looks half written, and since when (monotonic) it has been the same. */
  unsure: string | undefined;
  unsureSince: number;
  /** Judge it again even if the content is the same: a retry, a name that came free. */
  again: boolean;
  /** Tries in a row that were refused with this content. */
  tries: number;
  cancelRetry: (() => void) | undefined;
  /** What was said about names that others own, so that it is said once. */
  readonly said: Map<string, string>;
  /** Signature at the last look, when that signature was looked at first, and whether it can be relied on. */
  signature: string | undefined;
  signatureSince: number;
  signatureSure: boolean;
}

/** Longer than the tick of any file system's clock (FAT: 2 s): a write after it changes the signature. */
const SIGNATURE_SURE_MS = 3_000;

export class FileStates {
  readonly #states = new Map<string, FileState>();

  paths(): IterableIterator<string> {
    return this.#states.keys();
  }

  find(file: string): FileState | undefined {
    return this.#states.get(file);
  }

  of(file: string): FileState {
    let state = this.#states.get(file);
    if (state === undefined) {
      state = {
        digest: undefined,
        unsure: undefined,
        unsureSince: 0,
        again: false,
        tries: 0,
        cancelRetry: undefined,
        said: new Map(),
        signature: undefined,
        signatureSince: 0,
        signatureSure: false,
      };
      this.#states.set(file, state);
    }
    return state;
  }

  forget(file: string): void {
    this.#states.get(file)?.cancelRetry?.();
    this.#states.delete(file);
  }

  close(): void {
    for (const state of this.#states.values()) state.cancelRetry?.();
  }
}

/** A write right after a read may leave the signature as it was, so a signature is relied on only when it has aged. */
export function noteSignature(state: FileState, signature: string, now: number): void {
  if (state.signature !== signature) {
    state.signature = signature;
    state.signatureSince = now;
    state.signatureSure = false;
  } else if (now - state.signatureSince >= SIGNATURE_SURE_MS) state.signatureSure = true;
}

/** True: the bytes are those that were read last, without reading them. */
export function isUnchanged(state: FileState | undefined, signature: string): boolean {
  return state !== undefined && state.signatureSure && state.signature === signature;
}
