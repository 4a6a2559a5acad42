import type { PositionTable } from './positions.ts';

/** One document as `decode-yaml.ts` and `decode-json.ts` give it: without functions, so that it can cross a thread. */
export interface DecodedDocument {
  readonly value: unknown;
  readonly positions: PositionTable;
  /** False: something has been reported; the value only serves to find more problems. */
  readonly good: boolean;
}

/** Told of a problem at an offset of the text. */
export type Report = (
  code: string,
  offset: number,
  message: string,
  more?: { readonly path?: readonly (string | number)[]; readonly hint?: string },
) => void;
