import type { Result } from '../../base/result.ts';

/**
 * Where the parts of ledgers lie: small objects, each written whole and only over the version that the writer has seen. What a
 * part holds is `workflow-ledger.ts`'s; where it is kept, here: config maps in `config-map-parts.ts`.
 */
export interface LedgerParts {
  /** All parts of one workflow's ledger, as they are at one moment that is not before the call. The error is a sentence. */
  read(workflow: string): Promise<Result<readonly Part[], string>>;
  write(workflow: string, name: string, bytes: Buffer, over: string | undefined): Promise<PartWritten>;
  /** Gone already is gone. */
  remove(workflow: string, names: readonly string[]): Promise<Result<void, string>>;
}

/** The part that decides what is durable. */
export const LOG = 'log';
/** What records share. */
export const SHARED = 'shared';

export interface Part {
  readonly name: string;
  readonly version: string;
  readonly bytes: Buffer;
}

export type PartWritten =
  | { readonly outcome: 'Written'; readonly version: string }
  /** It is not what the writer has seen: somebody else wrote it, or an earlier write of unknown outcome was carried out. */
  | { readonly outcome: 'Changed' }
  /** Nobody can tell whether it was, or still will be, carried out. */
  | { readonly outcome: 'Unknown'; readonly message: string }
  /** Nothing was written. */
  | { readonly outcome: 'Refused'; readonly message: string };
