import { NONE } from '../base/none.ts';
import { carriesData, type Graph, type GraphInput, type GraphMention, type GraphTask } from '../graph/graph.ts';
import { ABSENT_DIGEST, type Facts, type Look, lookId, unreadableCode } from './facts.ts';
import type { Attempt, Contributions } from './record.ts';
import { firesEarly } from './trigger.ts';
import type { View } from './view.ts';

/**
 * What the edges contribute to the execution key of one task (DESIGN, "Convergence").
 *
 * `Unlooked`: an external file has not been looked at yet. `Missing`: a file that must exist does not, or one that nobody
 * makes cannot be read, `unreadable` says why; being optional does not help there, since it may exist.
 * `AbsentUpstream`: a value of a skipped upstream is read without a guard.
 */
export type Gathered =
  | { readonly kind: 'Contributions'; readonly contributions: Contributions }
  | { readonly kind: 'Unlooked'; readonly look: Look }
  | { readonly kind: 'Missing'; readonly input: string; readonly path: string; readonly unreadable?: string }
  | { readonly kind: 'AbsentUpstream'; readonly upstream: number };

export interface GatherContext {
  readonly graph: Graph;
  readonly facts: Facts;
  readonly views: (index: number) => View;
  readonly lastUid: (index: number) => string | undefined;
  readonly inputs: readonly GraphInput[];
  /** `ResetDescendants`: every data edge is broad as well. */
  readonly everythingBroad: boolean;
}

/** One for all tasks that nothing leads to. */
const NOTHING: Gathered = Object.freeze({
  kind: 'Contributions',
  contributions: Object.freeze({ precise: Object.freeze({}), broad: NONE }),
});

export function gatherContributions(context: GatherContext, task: GraphTask): Gathered {
  if (context.inputs.length === 0 && task.mentions.length === 0 && task.upstream.length === 0) return NOTHING;
  const precise: Record<string, string[]> = {};
  for (const input of context.inputs) {
    const digests = inputDigests(context, task, input);
    if (!Array.isArray(digests)) return digests;
    precise[`inputs.${input.name}`] = digests;
  }
  for (const mention of task.mentions) {
    const values = mentionValues(context, mention);
    if (values === undefined && !mention.guarded)
      return { kind: 'AbsentUpstream', upstream: mention.upstream[0] as number };
    precise[mention.slot] = values ?? [ABSENT_DIGEST];
  }
  return { kind: 'Contributions', contributions: { precise, broad: broadContributions(context, task) } };
}

function inputDigests(
  context: GatherContext,
  task: GraphTask,
  input: GraphInput,
): string[] | Exclude<Gathered, { kind: 'Contributions' }> {
  const digests: string[] = [];
  if (input.form === 'glob') {
    const path = input.paths[0] as string;
    const look = { path, fingerprint: input.fingerprint, glob: true };
    const fact = context.facts.get(lookId(look));
    if (fact === undefined) return { kind: 'Unlooked', look };
    const unreadable = unreadableCode(fact);
    return unreadable === undefined ? [fact] : { kind: 'Missing', input: input.name, path, unreadable };
  }
  // Every alternative of its expression is absent.
  if (input.rebinds && input.form === 'path' && input.paths.length === 0) {
    if (input.optional) return [ABSENT_DIGEST];
    const upstream = task.upstream.find((e) => carriesData(e.kind) && context.views(e.from).phase !== 'Succeeded');
    return { kind: 'AbsentUpstream', upstream: upstream?.from ?? task.index };
  }
  for (const [i, path] of input.paths.entries()) {
    const producer = input.producers[i];
    if (producer !== undefined) {
      const digest = producedDigest(context.graph.tasks[producer] as GraphTask, context.views(producer).success, path);
      if (digest === undefined && !input.optional) return { kind: 'AbsentUpstream', upstream: producer };
      digests.push(digest ?? ABSENT_DIGEST);
      continue;
    }
    const look = { path, fingerprint: input.fingerprint, glob: false };
    const fact = context.facts.get(lookId(look));
    if (fact === undefined) return { kind: 'Unlooked', look };
    const unreadable = unreadableCode(fact);
    if (unreadable !== undefined) return { kind: 'Missing', input: input.name, path, unreadable };
    if (fact === ABSENT_DIGEST && !input.optional) return { kind: 'Missing', input: input.name, path };
    digests.push(fact);
  }
  return digests;
}

function producedDigest(producer: GraphTask, success: Attempt | undefined, path: string): string | undefined {
  const declared = producer.outputs.find((o) => o.path === path);
  const output = success?.outcome?.outputs.find((o) => o.name === declared?.name && o.path === declared.relative);
  return output && output.digest !== ABSENT_DIGEST ? output.digest : undefined;
}

/** Digests of outputs, or the phases and keys that the expression reads; undefined: the value is absent. */
function mentionValues(context: GatherContext, mention: GraphMention): string[] | undefined {
  const values: string[] = [];
  for (const upstream of mention.upstream) {
    const seen = context.views(upstream);
    if (mention.member === 'phase') values.push(seen.phase);
    else if (mention.member === 'reason') values.push(seen.reason);
    else if (mention.member === 'keys') values.push((context.graph.tasks[upstream] as GraphTask).elementKey ?? '');
    else if (mention.member === 'failed') {
      if (seen.phase === 'Failed') values.push((context.graph.tasks[upstream] as GraphTask).elementKey ?? '');
    } else {
      const digest = seen.success?.outcome?.outputs.find((o) => o.name === mention.name)?.digest;
      if (digest !== undefined && digest !== ABSENT_DIGEST) values.push(digest);
      else if (mention.upstream.length === 1) return undefined;
    }
  }
  return values;
}

function broadContributions(context: GatherContext, task: GraphTask): readonly string[] {
  if (firesEarly(task)) return [];
  const broad = task.upstream.filter(
    ({ kind }) => kind === 'DependsOn' || kind === 'Each' || (context.everythingBroad && carriesData(kind)),
  );
  const [first] = broad;
  const only = first && broad.length === 1 ? context.views(first.from) : undefined;
  // Behind a barrier it is a list of all elements, sorted already.
  if (only?.phase === 'Succeeded') return only.passes;
  const uids = new Set<string>();
  for (const edge of broad) {
    const seen = context.views(edge.from);
    if (seen.phase === 'Succeeded') for (const uid of seen.passes) uids.add(uid);
    else {
      const uid = context.lastUid(edge.from);
      if (uid !== undefined && seen.phase !== 'Skipped') uids.add(`not-succeeded:${uid}`);
    }
  }
  return [...uids].sort();
}
