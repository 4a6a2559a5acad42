import { isObject, setOwn } from '../../apis/own-property.ts';
import { type PodOverlay, TASK_CONTAINER } from '../../apis/pod-overlay.ts';
import type { Json, JsonObject } from '../../base/json.ts';

/** Of which both have their say; all else of an overlay stands instead of ours. */
interface Shared {
  /** Maps, theirs over ours. */
  readonly merged: readonly string[];
  /** Lists, theirs after ours. */
  readonly extended: readonly string[];
}

const OF_POD: Shared = { merged: ['securityContext'], extended: ['volumes', 'imagePullSecrets'] };
const OF_CONTAINER: Shared = { merged: ['securityContext'], extended: ['volumeMounts'] };

/**
 * A PodSpec of ours with what its task asks for beside. What that may hold was checked when it was admitted
 * (`apis/pod-overlay.ts`).
 */
export function overlaid(spec: JsonObject, overlay: PodOverlay | undefined): JsonObject {
  if (overlay === undefined) return spec;
  const { containers: asked, ...rest } = overlay as unknown as JsonObject;
  const more = listOf(asked).find((container) => membersOf(container)['name'] === TASK_CONTAINER);
  const containers = listOf(spec['containers']).map((container) =>
    membersOf(container)['name'] === TASK_CONTAINER ? withMore(membersOf(container), membersOf(more)) : container,
  );
  return { ...laidOver(spec, rest, OF_POD), containers };
}

/** What a field of the task says of resources is said by it alone. */
function withMore(container: JsonObject, more: JsonObject): JsonObject {
  const resources = merged(more['resources'], container['resources']);
  return { ...laidOver(container, more, OF_CONTAINER), resources };
}

function laidOver(ours: JsonObject, theirs: JsonObject, shared: Shared): JsonObject {
  const out: Record<string, Json> = { ...ours, ...theirs };
  for (const field of shared.merged) if (theirs[field] !== undefined) out[field] = merged(ours[field], theirs[field]);
  for (const field of shared.extended)
    if (theirs[field] !== undefined) out[field] = [...listOf(ours[field]), ...listOf(theirs[field])];
  return out;
}

/** Maps in them, too: whoever adds a capability has not asked for all the others. */
function merged(under: Json | undefined, over: Json | undefined): JsonObject {
  const out: Record<string, Json> = { ...membersOf(under) };
  for (const [key, value] of Object.entries(membersOf(over)))
    setOwn(out, key, isMap(value) && isMap(out[key]) ? merged(out[key], value) : value);
  return out;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

const isMap = (value: Json | undefined): value is JsonObject => isObject(value);

function membersOf(value: Json | undefined): JsonObject {
  return isMap(value) ? value : {};
}
