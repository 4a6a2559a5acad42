import { shortDigest } from '../base/digest.ts';

/**
 * Keys and what they become elsewhere (`docs/language.md`, "Keys"). A key is a path of segments: names, element
 * keys and iteration numbers joined by `/`. Every mapping here is injective or carries a digest, so two keys
 * never meet in one place.
 */

const MAX_SEGMENT_BYTES = 128;
const KEPT_SEGMENT_BYTES = 100;
const PLAIN_SEGMENT = /^[A-Za-z0-9_=,:+@][A-Za-z0-9._=,:+@-]{0,127}$/;

/** One segment of a key from any text: safe characters stay, other bytes become `~HH`, long ones are cut. */
export function keySegment(text: string): string {
  // Most are plain, and there is one for every element of every fan-out.
  if (PLAIN_SEGMENT.test(text)) return text;
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    const leading = out === '' && (char === '-' || char === '.');
    out += /[A-Za-z0-9._=,:+@-]/.test(char) && !leading ? char : `~${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  if (out === '') return '~';
  if (out.length <= MAX_SEGMENT_BYTES) return out;
  return `${out.slice(0, KEPT_SEGMENT_BYTES)}~~${shortDigest(text, 16)}`;
}

export function joinKey(...segments: readonly string[]): string {
  return segments.join('/');
}

/** A key as one file name: `/` becomes `+`, and what containers and sbatch split on is escaped. */
export function keyFileName(key: string): string {
  const name = key.replace(/[+:,=]/g, (c) => `~${c.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('/', '+');
  if (Buffer.byteLength(name) <= 200) return name;
  return `${name.slice(0, KEPT_SEGMENT_BYTES)}~~${shortDigest(key, 16)}`;
}

/**
 * The token of an attempt: 80 bits of (workflow uid, task key, definition, attempt number). It names the run
 * folder, the pod, the job. Made again it is the same, so that a launch that was repeated finds the first one.
 */
export function attemptToken(workflowUid: string, key: string, definition: string, attempt: number): string {
  return shortDigest(JSON.stringify([workflowUid, key, definition, attempt]), 16);
}
