import { setFlagsFromString } from 'node:v8';

/** From so many tasks on memory is worth more than the time of a few collections. */
const MANY_TASKS = 20_000;
/** V8 lets a heap grow to twice what lived in it before it collects again; then to this much more. */
const GROWTH_PERCENT = 12;

let limited = false;

/** A large workflow is here: from now on the heap is collected before much garbage has come together. */
export function limitHeapGrowth(tasks: number): void {
  if (limited || tasks < MANY_TASKS) return;
  limited = true;
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
