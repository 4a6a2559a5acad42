import type { Workflow } from '../../apis/workflow.ts';
import { parseDuration } from '../../base/duration.ts';
import type { Home, WorkflowRef } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { CommandFailure, EXIT, orExit, usage } from '../exit-code.ts';
import { type Goal, parseGoal, verdict } from '../wait-goal.ts';

const DEFAULT_TIMEOUT_MS = 30_000;

export async function run(context: CommandContext): Promise<number> {
  const ref = context.workflow();
  const goal = parseGoal(context.text('for'));
  if (!goal.ok) throw usage(goal.error);
  const timeoutMs = timeoutOf(context);
  const connection = await connect(context.io, context.where, 'read');
  const controller = new AbortController();
  let expired = false;
  let interrupted = false;
  const cancelTimer =
    timeoutMs === 0
      ? () => undefined
      : context.io.clock.after(timeoutMs, () => {
          expired = true;
          controller.abort();
        });
  const stop = context.io.onSignal('SIGINT', () => {
    interrupted = true;
    controller.abort();
  });
  try {
    const end = await waitFor(connection.home, ref, goal.value, controller.signal);
    if (interrupted) return EXIT.interrupted;
    if (end === 'met') {
      await context.io.stdout.write(
        `workflow.fixpoint.dev/${ref.name} ${goal.value.kind === 'delete' ? 'deleted' : 'condition met'}\n`,
      );
      return EXIT.done;
    }
    const why = expired
      ? `timed out waiting for ${goal.value.text}`
      : `it cannot become ${goal.value.text} any more: ${end}`;
    await context.io.stderr.write(`fixpoint: ${ref.name}: ${why}\n`);
    return EXIT.failed;
  } finally {
    cancelTimer();
    stop();
    await connection.close();
  }
}

function timeoutOf(context: CommandContext): number {
  const text = context.text('timeout');
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const parsed = parseDuration(text);
  if (!parsed.ok) throw usage(`--timeout ${text}: ${parsed.error}`);
  return parsed.value;
}

/** List, then watch from there: nothing that happens between is missed. */
async function waitFor(home: Home, ref: WorkflowRef, goal: Goal, signal: AbortSignal): Promise<string> {
  const listed = await home.list(ref.namespace);
  let current: Workflow | undefined = listed.items.find((item) => item.metadata.name === ref.name);
  if (current === undefined && goal.kind !== 'delete') orExit(await home.get(ref));
  let judged = verdict(goal, current);
  if (judged !== 'waiting') return judged;
  const changes = home.watch({ ...ref, resourceVersion: listed.resourceVersion, signal });
  for await (const event of changes) {
    if (event.object.metadata.name !== ref.name) continue;
    current = event.type === 'DELETED' ? undefined : event.object;
    judged = verdict(goal, current);
    if (judged !== 'waiting') return judged;
  }
  if (signal.aborted) return 'interrupted';
  throw new CommandFailure(EXIT.unreachable, 'the daemon stopped');
}
