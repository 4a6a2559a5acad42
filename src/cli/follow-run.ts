import type { EventLine } from '../apis/task-view.ts';
import type { Workflow } from '../apis/workflow.ts';
import type { Home, WorkflowRef } from '../controllers/home.ts';
import type { RunView } from './live-view.ts';
import { harmless } from './render/terminal-text.ts';
import { type Rest, restOf } from './rest.ts';

export interface FollowOptions {
  readonly home: Home;
  readonly ref: WorkflowRef;
  readonly view: RunView;
  /** Position in the journal before the run began. */
  readonly after: string;
  /** Requests that must be carried out before rest means anything. */
  readonly requests: Set<string>;
  /** Ends the following, not the run. */
  readonly signal: AbortSignal;
  /** What was wanted of it is final, whatever becomes of the rest. */
  readonly reached: () => boolean;
  /** At rest: true goes on (something was asked for that moves it again). */
  readonly atRest: (rest: Exclude<Rest, { kind: 'Moving' }>, workflow: Workflow) => Promise<boolean>;
}

export type Followed =
  | { readonly kind: 'Rest'; readonly rest: Exclude<Rest, { kind: 'Moving' }>; readonly workflow: Workflow }
  | { readonly kind: 'Reached'; readonly workflow: Workflow }
  | { readonly kind: 'Deleted' | 'Left' | 'ServerStopped' };

/** Failures whose output is shown at once; a thousand of the same would hide the first. */
const MAX_FAILURES_WITH_OUTPUT = 10;
const FAILURE_TAIL_LINES = 10;

/** Shows events as they come and watches the resource until it is at rest. */
export async function followRun(options: FollowOptions): Promise<Followed> {
  const stopEvents = new AbortController();
  const signal = AbortSignal.any([options.signal, stopEvents.signal]);
  const pump = new EventPump(options);
  // Both streams may fail; whichever does first ends the other.
  const events = pump.follow(signal).catch((error: unknown) => {
    stopEvents.abort();
    throw error;
  });
  // The error is taken up by the await below; until then it must not count as unhandled.
  events.catch(() => undefined);
  let followed: Followed;
  try {
    followed = await watchUntilRest(options, AbortSignal.any([signal, pump.reached]));
    // The workflow's own status may lag behind, and go on doing so while others run.
    if (pump.reached.aborted && followed.kind !== 'Rest') followed = await reachedNow(options);
  } finally {
    stopEvents.abort();
    await events;
  }
  // What was written between the last event seen and the rest, so that the last lines are there.
  if (followed.kind === 'Rest' || followed.kind === 'Reached') await pump.drain(options.signal);
  return followed;
}

async function reachedNow({ home, ref }: FollowOptions): Promise<Followed> {
  const found = await home.get(ref);
  return found.ok ? { kind: 'Reached', workflow: found.value } : { kind: 'Deleted' };
}

async function watchUntilRest(options: FollowOptions, signal: AbortSignal): Promise<Followed> {
  const { home, ref, view } = options;
  const listed = await home.list(ref.namespace);
  const found = listed.items.find((item) => item.metadata.name === ref.name);
  if (found === undefined) return { kind: 'Deleted' };
  const first = await judge(options, found);
  if (first !== undefined) return first;
  for await (const event of home.watch({ ...ref, resourceVersion: listed.resourceVersion, signal })) {
    if (event.object.metadata.name !== ref.name) continue;
    if (event.type === 'DELETED') return { kind: 'Deleted' };
    await view.workflow(event.object);
    const end = await judge(options, event.object);
    if (end !== undefined) return end;
  }
  return { kind: options.signal.aborted ? 'Left' : 'ServerStopped' };
}

async function judge(options: FollowOptions, workflow: Workflow): Promise<Followed | undefined> {
  await options.view.workflow(workflow);
  if (options.reached()) return { kind: 'Reached', workflow };
  const rest = restOf(workflow, options.requests);
  if (rest.kind === 'Moving') return undefined;
  return (await options.atRest(rest, workflow)) ? undefined : { kind: 'Rest', rest, workflow };
}

class EventPump {
  readonly #options: FollowOptions;
  readonly #reached = new AbortController();
  #last: string;
  #failuresShown = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#last = options.after;
  }

  /** Aborts at the first event after which nothing more is wanted. */
  get reached(): AbortSignal {
    return this.#reached.signal;
  }

  async follow(signal: AbortSignal): Promise<void> {
    const { home, ref } = this.#options;
    for await (const event of home.events(ref, { after: this.#last, follow: true, signal })) await this.#show(event);
  }

  async drain(signal: AbortSignal): Promise<void> {
    const { home, ref } = this.#options;
    const found = await home.get(ref);
    if (!found.ok) return;
    for await (const event of home.events(ref, { after: this.#last, follow: false, signal })) await this.#show(event);
  }

  async #show(event: EventLine): Promise<void> {
    this.#last = event.resourceVersion;
    await this.#options.view.event(event);
    if (this.#options.reached()) this.#reached.abort();
    const failed = event.type === 'Warning' && event.task !== undefined && event.attempt !== undefined;
    if (failed && this.#failuresShown++ < MAX_FAILURES_WITH_OUTPUT) await this.#showOutput(event);
  }

  async #showOutput(event: EventLine): Promise<void> {
    const { view } = this.#options;
    const text = (await this.#tail(event, 'stderr')) || (await this.#tail(event, 'stdout'));
    if (text === '') return;
    const indented = harmless(text).trimEnd().replace(/^/gm, '    | ');
    await view.say(`${indented}\n`);
  }

  async #tail(event: EventLine, stream: 'stdout' | 'stderr'): Promise<string> {
    const { home, ref, signal } = this.#options;
    const chunks = home.logs(ref, {
      tasks: [event.task ?? ''],
      attempt: event.attempt,
      stream,
      tail: FAILURE_TAIL_LINES,
      signal,
    });
    let text = '';
    for await (const chunk of chunks) text += chunk.text;
    return text.trim() === '' ? '' : text;
  }
}
