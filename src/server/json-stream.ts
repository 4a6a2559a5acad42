import type { RequestContext } from './request-context.ts';
import { internalError, type Status } from './status.ts';

/** What the CLI asks for: one header line, then one item per line, so that no side holds the whole text. */
export const JSON_LINES = 'application/jsonl';

/** Items that are put into text at once before the event loop gets its turn. */
const BATCH_CHARS = 64 * 1024;

/**
 * A list, in one of two framings: the Kubernetes object (`{…header, "items": […]}`), or JSON lines of the
 * header and each item. Never the whole text at once: a list may have 500,000 items.
 */
export async function sendList(context: RequestContext, header: object, items: Iterable<unknown>): Promise<void> {
  const lines = context.accepts(JSON_LINES);
  context.startStream(lines ? JSON_LINES : 'application/json');
  const head = JSON.stringify(header);
  let text = lines ? `${head}\n` : `${head.slice(0, -1)},"items":[`;
  let first = true;
  for (const item of items) {
    if (lines) text += `${JSON.stringify(item)}\n`;
    else text += `${first ? '' : ','}${JSON.stringify(item)}`;
    first = false;
    if (text.length < BATCH_CHARS) continue;
    await context.write(text);
    await new Promise((resolve) => setImmediate(resolve));
    if (context.signal.aborted) return;
    text = '';
  }
  // The last line says that the list is whole: a torn connection must not pass for a short list.
  await context.write(lines ? `${text}{"kind":"End"}\n` : `${text}]}\n`);
  context.endStream();
}

/**
 * An endless or long answer as JSON lines. Once it has begun, an error can only be its last line: the caller
 * knows one by `wrap`'s form.
 */
export async function sendLines(
  context: RequestContext,
  lines: AsyncIterable<unknown>,
  wrapError: (status: Status) => unknown,
): Promise<void> {
  context.startStream('application/json');
  try {
    for await (const line of lines) {
      await context.write(`${JSON.stringify(line)}\n`);
      if (context.signal.aborted) return;
    }
  } catch (error) {
    if (context.signal.aborted) return;
    await context.write(`${JSON.stringify(wrapError(internalError(error)))}\n`);
    context.endStream();
    throw error;
  }
  context.endStream();
}
