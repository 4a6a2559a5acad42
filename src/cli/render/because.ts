import type { Because } from '../../apis/task-view.ts';
import type { Json } from '../../base/json.ts';
import { clip, oneLine } from './terminal-text.ts';

const MAX_VALUE_COLUMNS = 60;

/** `command: "a" → "b"`, or `index ran again`. */
export function renderBecause(because: Because): string {
  if ('task' in because) return `upstream ${oneLine(because.task)}`;
  return `${oneLine(because.field)}: ${valueText(because.old)} → ${valueText(because.new)}`;
}

function valueText(value: Json | undefined): string {
  return value === undefined ? '(none)' : clip(oneLine(JSON.stringify(value)), MAX_VALUE_COLUMNS);
}
