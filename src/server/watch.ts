import type { WatchEvent } from '../controllers/home.ts';
import { sendLines } from './json-stream.ts';
import type { RequestContext } from './request-context.ts';
import { type Selection, selects } from './selection.ts';

/**
 * A watch as Kubernetes has it: without `resourceVersion` (or with `0`) first every object as `ADDED`, then
 * what changes; with one only what changed after it.
 */
export async function watchWorkflows(context: RequestContext, selection: Selection): Promise<void> {
  await sendLines(context, selectedChanges(context, selection), (status) => ({ type: 'ERROR', object: status }));
}

async function* selectedChanges(context: RequestContext, selection: Selection): AsyncIterable<WatchEvent> {
  const shown = new Map<string, boolean>();
  let from = context.query.get('resourceVersion') ?? '';
  if (from === '' || from === '0') {
    const list = await context.home.list(selection.namespace);
    from = list.resourceVersion;
    for (const object of list.items) {
      if (!selects(selection, object)) continue;
      shown.set(object.metadata.uid, true);
      yield { type: 'ADDED', object };
    }
  }
  const { namespace, name } = selection;
  for await (const event of context.home.watch({ namespace, name, resourceVersion: from, signal: context.signal })) {
    const seen = narrow(event, selects(selection, event.object), shown);
    if (seen !== undefined) yield seen;
  }
}

/**
 * An object that no longer has the labels has left this watch: to its reader it is deleted. Of one not met
 * before we cannot know whether the reader has it from its list; saying that it is gone harms nobody.
 */
function narrow(event: WatchEvent, selected: boolean, shown: Map<string, boolean>): WatchEvent | undefined {
  const uid = event.object.metadata.uid;
  const before = shown.get(uid);
  if (event.type === 'DELETED') {
    shown.delete(uid);
    return before === false ? undefined : event;
  }
  shown.set(uid, selected);
  if (selected) return before === false ? { ...event, type: 'ADDED' } : event;
  return before === false || event.type === 'ADDED' ? undefined : { ...event, type: 'DELETED' };
}
