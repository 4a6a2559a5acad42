import { sendLines } from './json-stream.ts';
import type { Match } from './match.ts';
import type { RequestContext } from './request-context.ts';
import { badRequest, type Status, statusOf } from './status.ts';
import { refOf } from './workflows.ts';

/** Both streams end with a `Status` line if they fail after they have begun. */
const asLastLine = (status: Status): Status => status;

export async function getEvents(context: RequestContext, match: Match): Promise<void> {
  const ref = refOf(match);
  const found = await context.home.get(ref);
  if (!found.ok) return context.sendStatus(statusOf(found.error));
  const events = context.home.events(ref, {
    after: context.query.get('after') ?? undefined,
    follow: context.flag('follow'),
    signal: context.signal,
  });
  await sendLines(context, events, asLastLine);
}

export async function getLogs(context: RequestContext, match: Match): Promise<void> {
  const ref = refOf(match);
  const attempt = context.count('attempt');
  if (!attempt.ok) return context.sendStatus(attempt.error);
  const tail = context.count('tail');
  if (!tail.ok) return context.sendStatus(tail.error);
  const stream = context.query.get('stream') ?? undefined;
  if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr') {
    return context.sendStatus(badRequest('stream must be stdout or stderr'));
  }
  const found = await context.home.get(ref);
  if (!found.ok) return context.sendStatus(statusOf(found.error));
  const tasks = context.query.getAll('task');
  const logs = context.home.logs(ref, {
    tasks: tasks.length === 0 ? undefined : tasks,
    attempt: attempt.value,
    stream,
    tail: tail.value,
    follow: context.flag('follow'),
    signal: context.signal,
  });
  await sendLines(context, logs, asLastLine);
}
