import type { EndReason } from '../apis/reasons.ts';
import type { Order } from '../backends/backends.ts';
import { refusedLaunch } from '../backends/refused-launch.ts';
import { failPoint } from '../base/fail-point.ts';
import type { Json } from '../base/json.ts';
import { fail } from '../base/result.ts';
import type { GraphTask } from '../graph/graph.ts';
import { attemptToken } from '../graph/keys.ts';
import { absolutePath } from '../graph/paths.ts';
import type { Action } from '../planning/actions.ts';
import { causesOf, comparedAttempt, upstreamsOf } from '../planning/because.ts';
import { ABSENT_DIGEST, codeLooks, inputLooks, type Look, lookId, lookOf, outputLook } from '../planning/facts.ts';
import type { TaskEntry } from '../planning/journal.ts';
import { outputsInPlace } from '../planning/left-behind.ts';
import { type Attempt, lastAttempt, NONE_PUT_BACK, outputOwner } from '../planning/record.ts';
import { resetAlsoTargets } from '../planning/reset-also.ts';
import { displacements, looksToDisplace } from './displacements.ts';
import { handled } from './handled.ts';
import type { HomeContext } from './home-context.ts';
import { type LaunchSource, launchOrder } from './launch-order.ts';
import { newAttempt } from './new-attempt.ts';
import type { WorkflowState } from './workflow-state.ts';

/**
 * The one place where actions meet store and backend. `prepare` turns actions into journal entries and effects; the
 * reconciler commits the entries and only then lets the effects happen: intent is durable before effect.
 */
export interface Prepared {
  readonly entries: TaskEntry[];
  readonly preimages: { digest: string; data: Json }[];
  readonly effects: (() => Promise<void>)[];
  /** What is to be remembered in memory when the entries are taken over, and not before: preparing may fail. */
  readonly notes: (() => void)[];
}

export async function prepare(home: HomeContext, state: WorkflowState, actions: readonly Action[]): Promise<Prepared> {
  const prepared: Prepared = { entries: [], preimages: [], effects: [], notes: [] };
  const launches: Extract<Action, { kind: 'Launch' }>[] = [];
  const looks: Extract<Action, { kind: 'Look' }>[] = [];
  for (const action of actions) {
    switch (action.kind) {
      case 'Launch':
        launches.push(action);
        break;
      case 'Cancel':
        cancel(home, state, action, prepared);
        break;
      case 'Withdraw':
        withdraw(home, state, action, prepared);
        break;
      case 'Restore':
        await restore(home, state, action, prepared);
        break;
      case 'SetAside':
        await setAside(home, state, action, prepared);
        break;
      case 'Adopt':
        prepared.entries.push({ type: 'TaskMoved', task: action.from, to: action.key });
        break;
      case 'ResetAlso':
        resetAlso(state, action, prepared);
        break;
      case 'Look':
        looks.push(action);
        break;
      case 'Prune':
        failPoint('prune.before');
        prepared.entries.push({ type: 'TaskPruned', task: action.key });
        failPoint('prune.after');
        break;
    }
  }
  if (looks.length > 0) await lookFor(home, state, looks);
  if (launches.length > 0) await launchAll(home, state, launches, prepared);
  return prepared;
}

/** Looks at files that a judgement asked for and nobody has seen yet. */
async function lookFor(
  home: HomeContext,
  state: WorkflowState,
  actions: readonly Extract<Action, { kind: 'Look' }>[],
): Promise<void> {
  const seen = await home.files.look(actions.map(({ look }) => look));
  for (const [id, digest] of seen) state.setFact(id, digest);
  for (const { index } of actions) state.board.mark(index);
}

/** Looks once more at what the launches read; one whose inputs moved meanwhile is judged again instead. */
async function launchAll(
  home: HomeContext,
  state: WorkflowState,
  launches: readonly Extract<Action, { kind: 'Launch' }>[],
  prepared: Prepared,
): Promise<void> {
  const reads = launches.map(({ index }) => looksBeforeLaunch(state, state.graph.tasks[index] as GraphTask));
  const looks = reads.flat();
  const changed = new Set<string>();
  if (looks.length > 0) {
    for (const [id, digest] of await home.files.look(looks)) {
      if (state.facts.get(id) !== digest) changed.add(id);
      state.setFact(id, digest);
    }
  }
  await fetchTemplates(home, state, launches);
  await matchPatterns(home, state, launches);
  await lookAtOutputs(home, state, launches);
  const orders: Order[] = [];
  for (const [i, action] of launches.entries()) {
    const task = state.graph.tasks[action.index] as GraphTask;
    if (reads[i]?.some((look) => changed.has(lookId(look)))) state.board.mark(action.index);
    else launch(home, state, action, task, prepared, orders);
  }
  if (orders.length > 0) prepared.effects.push(() => submit(home, state, orders));
}

/** What lies there before the command may be anybody's: who made it decides where it goes. */
async function lookAtOutputs(
  home: HomeContext,
  state: WorkflowState,
  launches: readonly Extract<Action, { kind: 'Launch' }>[],
): Promise<void> {
  const looks = launches.flatMap(({ index, key }) =>
    looksToDisplace(state, state.book.get(key), state.graph.tasks[index] as GraphTask),
  );
  if (looks.length === 0) return;
  for (const [id, digest] of await home.files.look(looks)) {
    state.setFact(id, digest);
    const { path, glob } = lookOf(id);
    if (glob && digest !== ABSENT_DIGEST) state.matches.set(path, await home.files.matching(path));
  }
}

/** Patterns that a launch reads, its own and those of outputs that it mentions, become lists of paths now. */
async function matchPatterns(
  home: HomeContext,
  state: WorkflowState,
  launches: readonly Extract<Action, { kind: 'Launch' }>[],
): Promise<void> {
  const patterns = new Set<string>();
  for (const { index } of launches) {
    const task = state.graph.tasks[index] as GraphTask;
    for (const input of state.inputs(task)) if (input.form === 'glob') patterns.add(input.paths[0] as string);
    for (const upstream of task.mentions.flatMap((m) => m.upstream))
      for (const output of state.graph.tasks[upstream]?.outputs ?? [])
        if (output.form === 'glob') patterns.add(output.path);
  }
  for (const pattern of patterns) state.matches.set(pattern, await home.files.matching(pattern));
}

/** Everything that the launch reads: files of nobody, scripts, and outputs of others, which a hand may have changed. */
function looksBeforeLaunch(state: WorkflowState, task: GraphTask): Look[] {
  return [...state.inputs(task).flatMap((input) => inputLooks(state.graph, input)), ...codeLooks(task)];
}

/** Pre-images of the definitions that these launches are compared with, to say what differs. */
async function fetchTemplates(
  home: HomeContext,
  state: WorkflowState,
  launches: readonly Extract<Action, { kind: 'Launch' }>[],
): Promise<void> {
  for (const { key } of launches) {
    const digest = comparedAttempt(state.book.get(key))?.preimage.templateDigest;
    if (digest === undefined || state.templates.has(digest)) continue;
    const template = await home.store.preimage(digest);
    if (template !== undefined) state.templates.set(digest, template);
  }
}

function launch(
  home: HomeContext,
  state: WorkflowState,
  action: Extract<Action, { kind: 'Launch' }>,
  task: GraphTask,
  prepared: Prepared,
  orders: Order[],
): void {
  const { metadata } = state.stored.object;
  const record = state.book.get(action.key);
  const backend = home.backends.of(task.spec);
  const token = attemptToken(state.uid, action.key, action.identity.definition, action.number);
  const workflow = { uid: state.uid, name: metadata.name, namespace: metadata.namespace };
  const directory = backend.directoryFor({
    token,
    workflow: workflow.name,
    namespace: workflow.namespace,
    key: action.key,
    number: action.number,
  });
  const attempt = intendedAttempt(home, state, action, task, token, { backend: backend.name, directory });
  const displaced = displacements(state, record, task);
  const problem = state.needsProblems.get(action.index) ?? displaced.problem;
  const order =
    problem !== undefined
      ? fail(problem)
      : orderOf({
          workflow,
          task,
          contributions: action.identity.contributions,
          inputs: state.inputs(task),
          template: state.template(task),
          element: state.element(task),
          scopes: state.scopes(),
          record,
          number: action.number,
          token,
          directory,
          needs: action.needs,
          displaceInto: (path) => displaced.into.get(path),
          fileSize: (path) => home.files.size(path),
          matches: (pattern) => state.matches.get(pattern) ?? [],
          workflowFolder: state.graph.workdir,
        });
  prepared.preimages.push({ digest: task.preimage.templateDigest, data: task.preimage.template });
  prepared.entries.push({ type: 'AttemptIntended', task: action.key, attempt });
  prepared.notes.push(() => home.tokens.set(token, { workflow: state.uid, key: action.key }));
  // From here on nobody can say what lies at its output paths.
  for (const output of task.outputs) state.forgetFact(lookId(outputLook(output)));
  if (order.ok) {
    const { needs } = action;
    const slots = home.slots.of(backend.name);
    prepared.notes.push(() => (action.follows ? slots.follow(token, needs) : slots.take(token, needs)));
    orders.push({ backend: backend.name, launch: order.value });
  } else
    prepared.entries.push({
      type: 'AttemptEnded',
      task: action.key,
      number: action.number,
      outcome: {
        phase: 'Failed',
        reason: 'InvalidValue',
        message: order.error,
        finishTime: home.clock.now(),
        outputs: [],
      },
    });
}

/** What rendering throws is a defect of ours, and the task's failure, not the end of every other task's turn. */
function orderOf(source: LaunchSource): ReturnType<typeof launchOrder> {
  try {
    return launchOrder(source);
  } catch (error) {
    return fail(`the command could not be rendered: ${String(error)}`);
  }
}

function intendedAttempt(
  home: HomeContext,
  state: WorkflowState,
  action: Extract<Action, { kind: 'Launch' }>,
  task: GraphTask,
  uid: string,
  place: { readonly backend: string; readonly directory: string },
): Attempt {
  const { identity } = action;
  return newAttempt(state, task, identity, {
    number: action.number,
    uid,
    because: causesOf(
      task,
      state.book.get(action.key),
      identity,
      state.facts,
      (digest) => state.templates.get(digest),
      upstreamsOf(state.graph, state.book, task),
    ),
    needs: action.needs,
    createTime: home.clock.now(),
    ...place,
  });
}

async function submit(home: HomeContext, state: WorkflowState, orders: readonly Order[]): Promise<void> {
  failPoint('submit.before');
  const inLanes = orders.map(({ backend, launch }) => {
    const lane = home.slots.of(backend).lane(launch.token);
    return { backend, launch: { ...launch, lane } };
  });
  for (const outcome of await home.backends.submit(inLanes)) {
    if (outcome.outcome === 'Accepted') continue;
    state.inbox.push(refusedLaunch(outcome.token, outcome.message, home.clock.now(), outcome.reason));
  }
  failPoint('submit.after');
}

function cancel(
  home: HomeContext,
  state: WorkflowState,
  action: Extract<Action, { kind: 'Cancel' }>,
  prepared: Prepared,
): void {
  const { attempt } = action;
  if (state.cancelling.has(attempt.uid)) return;
  prepared.notes.push(() => {
    // The first reason is the one that counts.
    if (!state.cancelling.has(attempt.uid)) state.cancelling.set(attempt.uid, action.reason as EndReason);
  });
  prepared.effects.push(() => home.backends.cancel([handled(attempt)]));
}

function withdraw(
  home: HomeContext,
  state: WorkflowState,
  { attempt }: Extract<Action, { kind: 'Withdraw' }>,
  prepared: Prepared,
): void {
  if (state.withdrawing.has(attempt.uid) || state.cancelling.has(attempt.uid)) return;
  prepared.notes.push(() => state.withdrawing.add(attempt.uid));
  prepared.effects.push(() => home.backends.withdraw([handled(attempt)]));
}

async function restore(
  home: HomeContext,
  state: WorkflowState,
  action: Extract<Action, { kind: 'Restore' }>,
  prepared: Prepared,
): Promise<void> {
  const { attempt } = action;
  const task = state.graph.tasks[action.index] as GraphTask;
  const record = state.book.get(action.key);
  state.board.mark(action.index);
  if (record?.putBack !== attempt.number) {
    // The files are moved by the next turn, when this is durable.
    prepared.entries.push({ type: 'RestoreIntended', task: action.key, number: attempt.number });
    return;
  }
  const relative = new Map((attempt.outcome?.outputs ?? []).map((o) => [o.name, o.path]));
  const outputs = (attempt.outcome?.outputs ?? []).map((o) => ({
    ...o,
    path: absolutePath(state.graph.workdir, o.path),
  }));
  const whole = await home.files.restore(handled(attempt), outputs, (name, digest) => {
    const owner = outputOwner(record, { name, path: relative.get(name) ?? '' }, digest);
    return owner?.uid === attempt.uid ? undefined : owner?.directory;
  });
  // Once between two looks: what does not stand after it was put back would be put back for ever.
  state.unrestorable.add(attempt.uid);
  if (!whole) {
    // Some may have been moved: what was seen of them does not count any more.
    for (const output of task.outputs) state.forgetFact(lookId(outputLook(output)));
    return;
  }
  for (const output of task.outputs) {
    const made = outputs.find((o) => o.name === output.name && o.path === output.path);
    if (made) state.setFact(lookId(outputLook(output)), made.digest);
  }
  state.unmovable.delete(attempt.uid);
  prepared.entries.push({ type: 'OutputsRestored', task: action.key, number: attempt.number });
}

/** The files are moved by the turn after the one that makes the intent durable, as where they are put back. */
async function setAside(
  home: HomeContext,
  state: WorkflowState,
  { index, key, attempt }: Extract<Action, { kind: 'SetAside' }>,
  prepared: Prepared,
): Promise<void> {
  state.board.mark(index);
  if (state.book.get(key)?.putBack !== NONE_PUT_BACK) {
    prepared.entries.push({ type: 'AsideIntended', task: key });
    return;
  }
  const task = state.graph.tasks[index] as GraphTask;
  // What a person has changed since it was looked at is no result of ours, and stays.
  for (const [id, digest] of await home.files.look(outputsInPlace(state, task, attempt).map(outputLook)))
    state.setFact(id, digest);
  const outputs = outputsInPlace(state, task, attempt);
  if (outputs.length === 0) return;
  const moved = await home.files.setAside(handled(attempt), outputs);
  for (const output of outputs) {
    const id = lookId(outputLook(output));
    if (moved) state.setFact(id, ABSENT_DIGEST);
    else state.forgetFact(id);
  }
  // Once between two looks, as above.
  if (!moved) state.unmovable.add(attempt.uid);
  else {
    state.unrestorable.delete(attempt.uid);
    prepared.entries.push({ type: 'OutputsSetAside', task: key });
  }
}

/** `resetAlso`: named tasks, direct upstreams or all ancestors forget their results together with this task. */
function resetAlso(state: WorkflowState, action: Extract<Action, { kind: 'ResetAlso' }>, prepared: Prepared): void {
  for (const index of resetAlsoTargets(state.graph, action.index)) {
    const key = (state.graph.tasks[index] as GraphTask).key;
    const last = lastAttempt(state.book.get(key));
    if (last)
      prepared.entries.push({ type: 'TaskReset', task: key, upTo: last.number, cause: `resetAlso of ${action.key}` });
  }
  prepared.entries.push({ type: 'ResetAlsoDone', task: action.key, definition: action.definition });
}
