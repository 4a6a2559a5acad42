import type { Because } from '../apis/task-view.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256Hex } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import type { DefinitionPreimage } from './graph.ts';

/**
 * Identity: two digests, SHA-256 over canonical JSON.
 *
 * - The *definition* is what the task says it makes: script without values, the values it uses, declared
 *   environment, files, outputs, the content of the scripts it starts with.
 * - The *execution key* is the definition and what the edges contribute. A result stands while this is equal.
 *
 * A change of these forms must raise `IDENTITY_SCHEMA` and keep a way to make the old digests from the stored
 * pre-images, or an upgrade would run everything again.
 */
export const IDENTITY_SCHEMA = 1;

/** Content of tracked scripts, by their path relative to the workflow's folder. */
export type CodeDigests = { readonly [path: string]: string };

export function definitionDigest(
  preimage: Pick<DefinitionPreimage, 'templateDigest' | 'values' | 'valuesText'>,
  code: CodeDigests,
): string {
  // Canonical JSON of the four, written out: it is made for every task of every full pass.
  const values = preimage.valuesText ?? canonicalJson(preimage.values);
  return sha256Hex(
    `{"code":${canonicalJson(code)},"schema":${IDENTITY_SCHEMA},"template":${JSON.stringify(preimage.templateDigest)},"values":${values}}`,
  );
}

export interface ContributionSet {
  readonly precise: { readonly [slot: string]: readonly string[] };
  readonly broad: readonly string[];
}

export function executionKey(definition: string, contributions: ContributionSet): string {
  const { precise, broad } = contributions;
  // Of a list of texts that is the canonical form, and there may be 100,000 of them.
  return sha256Hex(
    `{"broad":${JSON.stringify(broad)},"definition":${JSON.stringify(definition)},"precise":${canonicalJson(precise)},"schema":${IDENTITY_SCHEMA}}`,
  );
}

/** What an attempt was made of, or would be made of now. */
export interface Identity {
  readonly template: Json | undefined;
  readonly values: Json;
  readonly code: Json;
  readonly contributions: ContributionSet;
}

/** Names every part that differs, with its old and new value. Empty means: the same identity. */
export function explainDifference(before: Identity, after: Identity): Because[] {
  const causes: Because[] = [];
  compareMembers('', before.template ?? {}, after.template ?? {}, causes);
  compareMembers('', before.values, after.values, causes);
  compareMembers('script ', before.code, after.code, causes);
  compareMembers('', before.contributions.precise, after.contributions.precise, causes);
  if (!haveSameTexts(before.contributions.broad, after.contributions.broad))
    causes.push({ field: 'dependsOn', old: before.contributions.broad, new: after.contributions.broad });
  return causes;
}

function haveSameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

function compareMembers(prefix: string, before: Json, after: Json, causes: Because[]): void {
  const a = asObject(before);
  const b = asObject(after);
  for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
    const old = Object.hasOwn(a, name) ? a[name] : undefined;
    const now = Object.hasOwn(b, name) ? b[name] : undefined;
    if (canonicalJson(old) !== canonicalJson(now) || (old === undefined) !== (now === undefined))
      causes.push({ field: prefix + name, old, new: now });
  }
}

function asObject(value: Json): { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })
    : {};
}
