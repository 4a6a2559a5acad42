import { type PodOverlay, TASK_CONTAINER } from '../../apis/pod-overlay.ts';
import type { Json } from '../../base/json.ts';

type Members = { readonly [key: string]: Json };

/** Those of which both have their say, ours below. */
const MERGED = ['securityContext'];
/** Those to which an overlay adds. */
const EXTENDED = ['volumes', 'imagePullSecrets'];

/**
 * A PodSpec of ours with what its task asks for beside: maps that both have merge, lists get longer, and what is left is the
 * overlay's. What it may hold was checked when it was admitted (`apis/pod-overlay.ts`).
 */
export function overlaid(spec: Members, overlay: PodOverlay | undefined): Members {
  if (overlay === undefined) return spec;
  const { containers: asked, ...rest } = overlay as unknown as Members;
  const out: Record<string, Json> = { ...spec, ...rest };
  for (const field of MERGED) if (rest[field] !== undefined) out[field] = merged(spec[field], rest[field]);
  for (const field of EXTENDED) if (rest[field] !== undefined) out[field] = extended(spec[field], rest[field]);
  const more = (Array.isArray(asked) ? asked : []).find((container) => membersOf(container)['name'] === TASK_CONTAINER);
  if (more === undefined) return out;
  out['containers'] = (spec['containers'] as readonly Json[]).map((container) =>
    membersOf(container)['name'] === TASK_CONTAINER ? withMore(membersOf(container), membersOf(more)) : container,
  );
  return out;
}

function withMore(container: Members, more: Members): Members {
  const { resources, securityContext, volumeMounts, ...rest } = more;
  return {
    ...container,
    ...rest,
    ...(securityContext === undefined
      ? {}
      : { securityContext: merged(container['securityContext'], securityContext) }),
    ...(volumeMounts === undefined ? {} : { volumeMounts: extended(container['volumeMounts'], volumeMounts) }),
    ...(resources === undefined ? {} : { resources: withResources(membersOf(container['resources']), resources) }),
  };
}

function withResources(ours: Members, theirs: Json): Members {
  const out: Record<string, Json> = { ...ours, ...membersOf(theirs) };
  for (const list of ['requests', 'limits']) {
    const both = merged(membersOf(theirs)[list], ours[list]);
    if (Object.keys(both).length > 0) out[list] = both;
  }
  return out;
}

/** Maps in them, too: whoever adds a capability has not asked for all the others. */
function merged(under: Json | undefined, over: Json | undefined): Members {
  const out: Record<string, Json> = { ...membersOf(under) };
  for (const [key, value] of Object.entries(membersOf(over)))
    out[key] = isMap(value) && isMap(out[key]) ? merged(out[key], value) : value;
  return out;
}

function extended(first: Json | undefined, then: Json | undefined): readonly Json[] {
  return [...(Array.isArray(first) ? first : []), ...(Array.isArray(then) ? then : [])];
}

function isMap(value: Json | undefined): value is Members {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function membersOf(value: Json | undefined): Members {
  return isMap(value) ? value : {};
}
