import type { Json, JsonObject } from '../base/json.ts';
import { MAX_DOCUMENT_DEPTH } from '../base/limits.ts';

/** Whether something lies deeper in it than any document may be: merging and checking recurse over it. */
export function isTooDeep(patch: Json): boolean {
  let level: readonly Json[] = [patch];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DOCUMENT_DEPTH) return true;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values<Json>(value) : []));
  }
  return false;
}

/** JSON merge patch (RFC 7386): null removes, objects merge, anything else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: Record<string, Json> = Object.create(null) as Record<string, Json>;
  if (isObject(target)) Object.assign(out, target);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name];
    else out[name] = mergePatch(out[name], value);
  }
  return { ...out };
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** `metadata.resourceVersion` of a patch: what its maker believes to change. Empty means nothing, as in Kubernetes. */
export function versionNamedBy(patch: Json): string | undefined {
  const metadata = isObject(patch) ? patch['metadata'] : undefined;
  const version = isObject(metadata) ? metadata['resourceVersion'] : undefined;
  if (version === undefined || version === null || version === '') return undefined;
  return typeof version === 'string' ? version : JSON.stringify(version);
}
