import type { Because } from '../../apis/task-view.ts';
import type { Json } from '../../base/json.ts';
import { clip, oneLine } from './terminal-text.ts';

const MAX_VALUE_COLUMNS = 60;
/** Of what both values begin with, so that the difference has some context. */
const SHARED_COLUMNS = 12;

/** `command: "a" → "b"`, or `index ran again`. A cause without values was named by its field alone. */
export function renderBecause(because: Because): string {
  if ('task' in because) return `upstream ${oneLine(because.task)}`;
  const name = oneLine(because.field);
  if (because.old === undefined && because.new === undefined) return name;
  const [old, now] = fromFirstDifference(valueText(because.old), valueText(because.new));
  return `${name}: ${clip(old, MAX_VALUE_COLUMNS)} → ${clip(now, MAX_VALUE_COLUMNS)}`;
}

function valueText(value: Json | undefined): string {
  return value === undefined ? '(none)' : oneLine(JSON.stringify(value));
}

/** Long values that begin alike are cut at the front, not where they differ. */
function fromFirstDifference(a: string, b: string): [string, string] {
  if (a.length <= MAX_VALUE_COLUMNS && b.length <= MAX_VALUE_COLUMNS) return [a, b];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  const from = same - SHARED_COLUMNS;
  return from <= 0 ? [a, b] : [`…${a.slice(from)}`, `…${b.slice(from)}`];
}
