import { groupDiscovery, groupList, health, ready, resourceDiscovery, serverVersion } from './discovery.ts';
import type { Match } from './match.ts';
import { applyDocument, graphOfDocument, graphOfWorkflow, planOfDocument, planOfWorkflow } from './planned-views.ts';
import type { RequestContext } from './request-context.ts';
import { getEvents, getLogs } from './streams.ts';
import { getExplanation, getTasks, postRequest } from './task-views.ts';
import {
  createWorkflow,
  deleteWorkflow,
  getWorkflow,
  listWorkflows,
  patchWorkflow,
  replaceWorkflow,
} from './workflows.ts';

export type Handler = (context: RequestContext, match: Match) => Promise<void>;

export type FoundRoute =
  | { readonly kind: 'route'; readonly handler: Handler; readonly match: Match }
  | { readonly kind: 'method'; readonly allowed: readonly string[] }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'unknown' };

type Methods = ReadonlyMap<string, Handler>;
const methods = (table: Readonly<Record<string, Handler>>): Methods => new Map(Object.entries(table));

const BASE = '/apis/fixpoint.dev/v1alpha1';
const ITEM = `${BASE}/namespaces/{namespace}/workflows/{name}`;

/** The whole surface. A segment in braces takes any name. */
const ROUTES: readonly { readonly segments: readonly string[]; readonly methods: Methods }[] = [
  { path: '/healthz', methods: methods({ GET: health }) },
  { path: '/readyz', methods: methods({ GET: ready }) },
  { path: '/version', methods: methods({ GET: serverVersion }) },
  { path: '/apis', methods: methods({ GET: groupList }) },
  { path: '/apis/fixpoint.dev', methods: methods({ GET: groupDiscovery }) },
  { path: BASE, methods: methods({ GET: resourceDiscovery }) },
  { path: `${BASE}/workflows`, methods: methods({ GET: listWorkflows }) },
  {
    path: `${BASE}/namespaces/{namespace}/workflows`,
    methods: methods({ GET: listWorkflows, POST: createWorkflow }),
  },
  {
    path: ITEM,
    methods: methods({
      GET: getWorkflow,
      PUT: replaceWorkflow,
      PATCH: patchWorkflow,
      DELETE: deleteWorkflow,
    }),
  },
  // The status is ours alone: it can be read, never written.
  { path: `${ITEM}/status`, methods: methods({ GET: getWorkflow }) },
  { path: `${ITEM}/tasks`, methods: methods({ GET: getTasks }) },
  { path: `${ITEM}/plan`, methods: methods({ GET: planOfWorkflow }) },
  { path: `${ITEM}/explain`, methods: methods({ GET: getExplanation }) },
  { path: `${ITEM}/graph`, methods: methods({ GET: graphOfWorkflow }) },
  { path: `${ITEM}/events`, methods: methods({ GET: getEvents }) },
  { path: `${ITEM}/logs`, methods: methods({ GET: getLogs }) },
  { path: `${ITEM}/requests`, methods: methods({ POST: postRequest }) },
  { path: `${BASE}/namespaces/{namespace}/plan`, methods: methods({ POST: planOfDocument }) },
  { path: `${BASE}/namespaces/{namespace}/graph`, methods: methods({ POST: graphOfDocument }) },
  { path: `${BASE}/namespaces/{namespace}/apply`, methods: methods({ POST: applyDocument }) },
].map((route) => ({ segments: route.path.split('/').slice(1), methods: route.methods }));

const MAX_NAME_CHARS = 253;

export function findRoute(method: string, url: string): FoundRoute {
  const path = url.split('?', 1)[0] ?? '/';
  if (!path.startsWith('/')) return { kind: 'invalid', message: 'the path must begin with /' };
  const segments = path.slice(1).split('/');
  for (const route of ROUTES) {
    const names = matchSegments(route.segments, segments);
    if (names === undefined) continue;
    const match = decodeNames(names);
    if (typeof match === 'string') return { kind: 'invalid', message: match };
    const handler = route.methods.get(method);
    if (handler === undefined) return { kind: 'method', allowed: [...route.methods.keys()] };
    return { kind: 'route', handler, match };
  }
  return { kind: 'unknown' };
}

function matchSegments(wanted: readonly string[], given: readonly string[]): Map<string, string> | undefined {
  if (wanted.length !== given.length) return undefined;
  const names = new Map<string, string>();
  for (const [index, segment] of wanted.entries()) {
    const text = given[index] ?? '';
    if (segment.startsWith('{')) names.set(segment.slice(1, -1), text);
    else if (segment !== text) return undefined;
  }
  return names;
}

/** Each segment is decoded once, after the path was split: an encoded slash cannot make another segment. */
function decodeNames(names: ReadonlyMap<string, string>): Match | string {
  const decoded = new Map<string, string>();
  for (const [key, text] of names) {
    let name: string;
    try {
      name = decodeURIComponent(text);
    } catch {
      return `${key}: bad percent-encoding`;
    }
    if (!isPathName(name)) return `${key}: ${JSON.stringify(name.slice(0, MAX_NAME_CHARS))} cannot be a name`;
    decoded.set(key, name);
  }
  return { namespace: decoded.get('namespace'), name: decoded.get('name') };
}

/** Kubernetes' rule for names in paths, plus control characters. */
function isPathName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.length > MAX_NAME_CHARS) return false;
  for (const char of name) {
    if (char === '/' || char === '\\' || char === '%' || char < ' ' || char === '\u007f') return false;
  }
  return true;
}
