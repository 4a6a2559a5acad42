import { carriesData, type GraphTask } from '../graph/graph.ts';
import { definitionDigest, executionKey } from '../graph/identity.ts';
import { type Gathered, gatherContributions } from './contributions.ts';
import { ABSENT_DIGEST, type Look, lookId, outputLook, unreadableCode } from './facts.ts';
import { leftBehind } from './left-behind.ts';
import { type Attempt, lastAttempt, lastSuccess, liveAttempt, type TaskRecord } from './record.ts';
import { needsResetAlso } from './reset-also.ts';
import { judgeRetry } from './retry-policy.ts';
import type { Snapshot } from './snapshot.ts';
import { standingResult } from './standing.ts';
import { judgeTrigger } from './trigger.ts';
import { type DesiredIdentity, NO_CODE, standingView, type View, view } from './view.ts';

/**
 * Judges one task: from its upstreams' views, its record and the facts to its own view and the next step.
 *
 * The order of the questions is the rule, first hit wins:
 *
 * | # | question | then |
 * |---|---|---|
 * | 1 | workflow deleting, or the task cancelled by request? | cancel what lives |
 * | 2 | alive with another definition, policy Restart? | cancel, confirm, then ask again |
 * | 2b | another definition, and `resetAlso`? | reset those first |
 * | 3 | an upstream not settled? | Running if alive, else Pending (Reevaluating) |
 * | 4 | trigger rule not met? | Skipped; what lives is cancelled, what it made before goes aside (`left-behind.ts`) |
 * | 5 | a gate? | Succeeded, passes on what its upstreams contribute |
 * | 6 | an input missing, absent or not looked at? | Failed(MissingInput), Skipped(UpstreamSkipped), Pending |
 * | 7 | alive? | same key: Running; another: cancel |
 * | 8 | a result with this key whose outputs are in place? | Succeeded |
 * | 9 | its outputs were moved aside by a later attempt? | restore |
 * | 10 | no record, and exactly one removed task has a result with this key that stands? | adopt it |
 * | 11 | cancelled by request? | Cancelled |
 * | 12 | failures under this key? | back-off, or Failed |
 * | 13 | otherwise | Ready, launch (after running readers of its outputs are gone) |
 */
export interface JudgeContext {
  readonly snapshot: Snapshot;
  readonly views: (index: number) => View;
  /** Record keys of removed tasks of which a success has this execution key. */
  readonly strays: (execution: string) => readonly string[];
  /** How many tasks without a record share this definition. */
  readonly unrecordedTwins: (definition: string) => number;
}

export function judge(context: JudgeContext, task: GraphTask): View {
  const { snapshot } = context;
  const record = snapshot.records.get(task.key);
  const live = liveAttempt(record);
  if (snapshot.mode === 'Deleting')
    return live ? cancelling(live, 'WorkflowDeleted') : view('Cancelled', 'WorkflowDeleted');

  if (live && record?.cancelled) return cancelling(live, 'CancelledByRequest');

  const code = codeDigests(snapshot, task);
  const definition = code && definitionDigest(task.preimage, code);
  const restart = snapshot.settings.onChangeWhileRunning === 'Restart';
  if (live && definition && live.definition !== definition && restart) return cancelling(live, 'DefinitionChanged');

  // Before anything upstream runs: what is reset with this task should not run twice.
  if (!live && definition && needsResetAlso(task, record, definition))
    return view('Pending', 'Reevaluating', { step: { kind: 'ResetAlso', definition } });

  const trigger = judgeTrigger(snapshot.graph, task, context.views);
  if (trigger.verdict === 'Wait') return waiting(snapshot, record, live, trigger.on);
  if (trigger.verdict === 'Skip') {
    const cause = trigger.cause === undefined ? '' : causeOf(context, trigger.cause);
    return live ? cancelling(live, 'UpstreamChanged') : skipped(snapshot, task, record, trigger.reason, cause);
  }
  if (task.kind !== 'Task') return passOn(context, task);

  const gathered = gatherContributions(
    {
      graph: snapshot.graph,
      facts: snapshot.facts,
      views: context.views,
      inputs: snapshot.inputs(task.index, context.views),
      lastUid: (i) => lastAttempt(snapshot.records.get((snapshot.graph.tasks[i] as GraphTask).key))?.uid,
      everythingBroad: snapshot.settings.convergence === 'ResetDescendants',
    },
    task,
  );
  if (gathered.kind !== 'Contributions') return withoutInputs(context, task, live, gathered);
  if (!code || !definition) return live ? running(live, false) : view('Pending', 'Reevaluating');
  const { contributions } = gathered;
  const identity = { definition, code, contributions, execution: executionKey(definition, contributions) };
  return judgeIdentified(context, task, record, live, identity);
}

/** Questions 7 to 13: the desired identity is known. */
function judgeIdentified(
  context: JudgeContext,
  task: GraphTask,
  record: TaskRecord | undefined,
  live: Attempt | undefined,
  identity: DesiredIdentity,
): View {
  const { snapshot } = context;
  if (live) return judgeLive(snapshot, task, live, identity);
  const standing = standingResult(snapshot, task, record, identity.execution);
  if (standing?.how === 'InPlace') return standingView(standing.success);
  if (standing?.how === 'Unlooked') return lookingAt(standing.look);
  if (standing) return view('Pending', 'Restoring', { identity, step: { kind: 'Restore', attempt: standing.success } });
  const adopted = adoptable(context, task, record, identity);
  if (adopted?.look) return lookingAt(adopted.look);
  if (adopted) return view('Pending', 'Reevaluating', { identity, step: { kind: 'Adopt', from: adopted.from } });
  const cancelled = record?.cancelled;
  if (cancelled && (cancelled.execution === undefined || cancelled.execution === identity.execution))
    return view('Cancelled', 'CancelledByRequest', { identity });
  return judgeLaunch(context, task, record, identity);
}

function judgeLive(snapshot: Snapshot, task: GraphTask, live: Attempt, identity: DesiredIdentity): View {
  if (live.execution !== identity.execution) {
    const finish = snapshot.settings.onChangeWhileRunning === 'Finish' && live.definition !== identity.definition;
    if (!finish)
      return cancelling(live, live.definition === identity.definition ? 'UpstreamChanged' : 'DefinitionChanged');
  } else if (live.state === 'Intended' && live.handling !== task.handling) return cancelling(live, 'ResourcesChanged');
  return { ...running(live, snapshot.unconfirmed.has(live.uid)), identity };
}

function judgeLaunch(
  context: JudgeContext,
  task: GraphTask,
  record: TaskRecord | undefined,
  identity: DesiredIdentity,
): View {
  const { snapshot } = context;
  const retry = judgeRetry(record, snapshot.settings.retry(task.index), identity.execution, task.handling);
  if (retry.verdict === 'Failed') {
    const outcome = retry.attempt.outcome as NonNullable<Attempt['outcome']>;
    return view('Failed', outcome.reason as View['reason'], { message: outcome.message ?? '', identity });
  }
  if (retry.verdict === 'Retry' && retry.at > snapshot.now && retry.at - snapshot.now <= retry.delayMs)
    return view('Pending', 'BackOff', { message: retry.ofLimit, identity, wakeAt: retry.at });
  const readers = liveReaders(snapshot, task);
  if (readers.length > 0)
    return view('Pending', 'WaitingForReaders', { identity, step: { kind: 'CancelReaders', readers } });
  return view('Ready', 'Capacity', { identity, step: { kind: 'Launch' } });
}

/** Running attempts that read this task's outputs, as the graph or the attempt itself knows it. */
function liveReaders(snapshot: Snapshot, task: GraphTask): string[] {
  const readers = new Set<string>();
  for (const edge of snapshot.graph.downstream[task.index] as Snapshot['graph']['downstream'][number]) {
    if (!carriesData(edge.kind)) continue;
    const { key } = snapshot.graph.tasks[edge.to] as GraphTask;
    if (snapshot.records.live.has(key)) readers.add(key);
  }
  for (const output of task.outputs)
    for (const key of snapshot.records.readersOf(lookId(outputLook(output)))) readers.add(key);
  return [...readers];
}

function waiting(snapshot: Snapshot, record: TaskRecord | undefined, live: Attempt | undefined, on: number): View {
  if (live) return running(live, snapshot.unconfirmed.has(live.uid));
  const upstream = (snapshot.graph.tasks[on] as GraphTask).key;
  const judgedBefore = (record?.attempts.length ?? 0) > 0;
  return view('Pending', judgedBefore ? 'Reevaluating' : 'WaitingForUpstream', { message: `waits for ${upstream}` });
}

/** A gate contributes what its own data upstreams contribute. */
function passOn(context: JudgeContext, task: GraphTask): View {
  const passes = new Set<string>();
  for (const edge of task.upstream)
    if (carriesData(edge.kind)) for (const uid of context.views(edge.from).passes) passes.add(uid);
  return view('Succeeded', 'GateOpen', { passes: [...passes].sort() });
}

/** Skipped, once nothing lies any more where it has made something that a run from scratch would not make. */
function skipped(
  snapshot: Snapshot,
  task: GraphTask,
  record: TaskRecord | undefined,
  reason: 'UpstreamFailed' | 'UpstreamSkipped' | 'TriggerNotMet',
  cause: string,
): View {
  const left = reason === 'UpstreamFailed' ? undefined : leftBehind(snapshot, task, record);
  if (left === undefined) return view('Skipped', reason, { message: cause });
  if (left.kind === 'Unlooked') return lookingAt(left.look);
  const readers = liveReaders(snapshot, task);
  const message = 'moves aside what it made before';
  if (readers.length > 0) return view('Pending', reason, { message, step: { kind: 'CancelReaders', readers } });
  return view('Pending', reason, { message, step: { kind: 'SetAside', attempt: left.attempt } });
}

function withoutInputs(
  context: JudgeContext,
  task: GraphTask,
  live: Attempt | undefined,
  gathered: Exclude<Gathered, { kind: 'Contributions' }>,
): View {
  // A file that cannot be looked at now may be what it was: what runs goes on, and is judged by its inputs at its end.
  const unknown = gathered.kind === 'Unlooked' || (gathered.kind === 'Missing' && gathered.unreadable !== undefined);
  if (live) return unknown ? running(live, false) : cancelling(live, 'UpstreamChanged');
  switch (gathered.kind) {
    case 'Unlooked':
      return lookingAt(gathered.look);
    case 'Missing':
      return view('Failed', 'MissingInput', {
        message: `input ${gathered.input}: ${gathered.path} ${gathered.unreadable === undefined ? 'does not exist' : `cannot be read (${gathered.unreadable})`}`,
      });
    case 'AbsentUpstream':
      return skipped(
        context.snapshot,
        task,
        context.snapshot.records.get(task.key),
        'UpstreamSkipped',
        causeOf(context, gathered.upstream),
      );
  }
}

function lookingAt(look: Look): View {
  return view('Pending', 'Reevaluating', { message: `looks at ${look.path}`, step: { kind: 'Look', look } });
}

function running(live: Attempt, unconfirmed: boolean): View {
  if (unconfirmed) return view('Running', 'Unknown', { message: 'the backend cannot say how this attempt is' });
  return live.state === 'Started' ? view('Running', 'Running') : view('Queued', 'Submitted');
}

function cancelling(live: Attempt, reason: View['reason']): View {
  return view(live.state === 'Started' ? 'Running' : 'Queued', 'Restarting', {
    message: `ends attempt ${live.number}: ${reason}`,
    step: { kind: 'Cancel', attempt: live, reason },
  });
}

/** Content of the tracked scripts that exist; undefined: one has not been looked at. */
export function codeDigests(snapshot: Snapshot, task: GraphTask): { readonly [path: string]: string } | undefined {
  if (task.code.length === 0) return NO_CODE;
  const digests: Record<string, string> = {};
  for (const path of task.code) {
    const fact = snapshot.facts.get(lookId({ path, fingerprint: 'Content', glob: false }));
    if (fact === undefined) return undefined;
    const name = relativeTo(snapshot.graph.folder, path);
    // One that cannot be read now counts as it was, if it ever was read: a file system that hangs is no edit.
    const digest = unreadableCode(fact) === undefined ? fact : recordedCode(snapshot, task, name);
    // A script that is not there is not code of ours: the shell will say so when it runs.
    if (digest !== ABSENT_DIGEST) digests[name] = digest;
  }
  return digests;
}

function recordedCode(snapshot: Snapshot, task: GraphTask, name: string): string {
  const record = snapshot.records.get(task.key);
  const code = (lastSuccess(record) ?? lastAttempt(record))?.preimage.code as Readonly<Record<string, string>> | null;
  return code && Object.hasOwn(code, name) ? (code[name] as string) : ABSENT_DIGEST;
}

function relativeTo(folder: string, path: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

/** The removed task whose result this one takes over; first of all a look, where nobody knows whether it stands. */
function adoptable(
  context: JudgeContext,
  task: GraphTask,
  record: TaskRecord | undefined,
  identity: DesiredIdentity,
): { readonly from: string; readonly look?: Look } | undefined {
  if (record && record.attempts.length > 0) return undefined;
  const { snapshot } = context;
  const candidates: string[] = [];
  for (const key of context.strays(identity.execution)) {
    const standing = standingResult(snapshot, task, snapshot.records.get(key), identity.execution);
    if (standing?.how === 'Unlooked') return { from: key, look: standing.look };
    if (standing) candidates.push(key);
  }
  const named = task.spec.movedFrom;
  if (named !== undefined && candidates.includes(named)) return { from: named };
  const [only] = candidates;
  const single = candidates.length === 1 && context.unrecordedTwins(identity.definition) === 1;
  return only !== undefined && single ? { from: only } : undefined;
}

function causeOf(context: JudgeContext, index: number): string {
  const upstream = context.snapshot.graph.tasks[index] as GraphTask;
  const seen = context.views(index);
  // The first cause, not the chain of skips that leads to it.
  return seen.phase === 'Skipped' && seen.message !== '' ? seen.message : `${upstream.key} is ${seen.phase}`;
}
