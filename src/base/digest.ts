import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Json } from './json.ts';

export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** The digest of a JSON value: SHA-256 over its canonical form, as 64 hex digits. */
export function digestOf(value: Json): string {
  return sha256Hex(canonicalJson(value));
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 base32 in lower case, without padding: safe in file names, DNS labels and job names. */
export function base32(bytes: Uint8Array, length: number): string {
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      out += BASE32[(value >>> (bits - 5)) & 31];
      bits -= 5;
      if (out.length === length) return out;
    }
    value &= (1 << bits) - 1;
  }
  return out;
}

/** `length` base32 characters of the SHA-256 of a text. 16 characters are 80 bits. */
export function shortDigest(text: string, length: number): string {
  return base32(hash('sha256', text, 'buffer'), length);
}
