import type { Json } from './json.ts';

/**
 * JSON with sorted keys and no white space: the one form that is hashed.
 *
 * Keys are ordered by UTF-16 code units (RFC 8785). Numbers print as JavaScript prints them, the shortest
 * form that reads back the same, so `1.0` and `1` are one value. `undefined` members are left out: absent is
 * not null.
 */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'null';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  // Strings are grown in place: this is made for every task of every full pass.
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) text += text === '' ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `[${text}]`;
  }
  const object = value as { readonly [key: string]: Json };
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}
