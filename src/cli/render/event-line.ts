import type { EventLine } from '../../apis/task-view.ts';
import type { Paint } from './color.ts';
import { oneLine } from './terminal-text.ts';

/** One event for a person: clock time, reason, task, message. */
export function renderEvent(event: EventLine, colors: Paint): string {
  const time = event.time.slice(11, 23);
  const reason = event.type === 'Warning' ? colors.red(event.reason) : event.reason;
  const subject = event.task === undefined ? '' : ` ${colors.bold(oneLine(event.task))}`;
  const attempt = event.attempt === undefined || event.attempt <= 1 ? '' : ` (attempt ${event.attempt})`;
  const message = event.message === '' ? '' : `: ${oneLine(event.message)}`;
  return `${colors.dim(time)} ${reason}${subject}${attempt}${message}\n`;
}

/** One event for scripts. */
export function eventJson(event: EventLine): string {
  return `${JSON.stringify(event)}\n`;
}
