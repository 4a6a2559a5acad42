import { canonicalJson } from '../base/canonical-json.ts';
import { shortDigest } from '../base/digest.ts';
import type { Json } from '../base/json.ts';
import { isObject } from './own-property.ts';

/**
 * Names the tasks that a file left unnamed: `step-HASH-N`, where HASH is of the task's content and N counts the
 * tasks that share it, so that an edit elsewhere in the file renames nothing. Anything that is no workflow comes
 * back as it is. Must happen before admission, and after nulls are dropped.
 */
export function nameTasks<T>(document: T): T {
  if (!isObject(document) || !isObject(document['spec']) || !Array.isArray(document['spec']['tasks'])) return document;
  const tasks: readonly unknown[] = document['spec']['tasks'];
  const isUnnamed = (task: unknown): task is Record<string, unknown> => isObject(task) && !Object.hasOwn(task, 'name');
  if (!tasks.some(isUnnamed)) return document;
  const taken = new Set<unknown>(tasks.map((task) => (isObject(task) ? task['name'] : undefined)));
  const counts = new Map<string, number>();
  const named = tasks.map((task) => {
    if (!isUnnamed(task)) return task;
    const hash = shortDigest(canonicalJson(task as { readonly [key: string]: Json }), 8);
    let n = (counts.get(hash) ?? 0) + 1;
    while (taken.has(`step-${hash}-${n}`)) n++;
    counts.set(hash, n);
    return { name: `step-${hash}-${n}`, ...task };
  });
  return { ...document, spec: { ...document['spec'], tasks: named } };
}
