import { crc32 } from 'node:zlib';

/**
 * The checksum that every row of the ledger carries, as the schema calls it: CRC-32 over the keys and the text. It finds
 * every change of up to 32 neighbouring bits, and misses anything else once in 2^32.
 */
export function rowSum(data: Value, ...keys: readonly Value[]): number {
  let text = '';
  // A missing value is none that a text could spell. No list: every start asks for every row.
  for (let i = 0; i < keys.length; i++) text += `${i === 0 ? '' : '\u001f'}${keys[i] === null ? '\0' : keys[i]}`;
  return crc32(`${data}`, crc32(text));
}

/** What a column of the ledger may hold; damaged, it may be of another kind, and reads as a text that does not match. */
type Value = string | number | null;
