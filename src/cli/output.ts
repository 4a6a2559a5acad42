import { CommandFailure, EXIT } from './exit-code.ts';
import type { Io, Output } from './io.ts';

const BATCH_CHARS = 64 * 1024;

/** One value as a script or a reader wants it. */
export async function printValue(io: Io, format: 'json' | 'yaml', value: unknown): Promise<void> {
  if (format === 'json') return io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  const { printYaml } = await import('../apis/print-yaml.ts');
  await io.stdout.write(printYaml(value));
}

/** A list object. As JSON item by item: 500,000 tasks do not fit into one string. */
export async function printList(
  io: Io,
  format: 'json' | 'yaml',
  header: object,
  items: readonly unknown[],
): Promise<void> {
  if (format === 'yaml') return printValue(io, 'yaml', { ...header, items });
  const head = JSON.stringify(header, undefined, 2).slice(0, -2);
  await writeJoined(io.stdout, `${head},\n  "items": [`, items, items.length === 0 ? ']\n}\n' : '\n  ]\n}\n');
}

async function writeJoined(output: Output, start: string, items: readonly unknown[], end: string): Promise<void> {
  let text = start;
  for (const [index, item] of items.entries()) {
    if (output.closed()) return;
    text += `${index === 0 ? '' : ','}\n    ${JSON.stringify(item, undefined, 2).replaceAll('\n', '\n    ')}`;
    if (text.length < BATCH_CHARS) continue;
    await output.write(text);
    text = '';
  }
  await output.write(text + end);
}

/** A watch has no end of its own: if nobody here ended it, its server did. */
export function orServerStopped(io: Io, signal: AbortSignal): number {
  if (signal.aborted || io.stdout.closed()) return EXIT.done;
  throw new CommandFailure(EXIT.unreachable, 'the daemon stopped');
}

/** Aborts when the user interrupts or the reader of standard output goes away. */
export function untilInterrupted(io: Io): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const stops = [io.onSignal('SIGINT', () => controller.abort()), io.onSignal('SIGTERM', () => controller.abort())];
  return {
    signal: controller.signal,
    end: () => {
      for (const stop of stops) stop();
      controller.abort();
    },
  };
}
