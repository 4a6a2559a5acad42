import type { Clock } from '../base/clock.ts';
import type { EmbeddedHome, EmbeddedHomeOptions } from '../controllers/embedded-home.ts';
import { CommandFailure, EXIT } from './exit-code.ts';

/** Another process holds the state folder. It may be a command that is done in a moment, or a daemon about to serve. */
export class StateLocked extends CommandFailure {}

/** The home in this process. Loaded on demand: commands over the socket need neither database nor planner. */
export async function openHome(options: EmbeddedHomeOptions): Promise<EmbeddedHome> {
  const { openEmbeddedHome } = await import('../controllers/embedded-home.ts');
  const opened = await openEmbeddedHome(options);
  if (opened.ok) return opened.value;
  const { reason, message } = opened.error;
  throw reason === 'Locked'
    ? new StateLocked(EXIT.unreachable, message)
    : new CommandFailure(EXIT.unreachable, message);
}

const PATIENCE_MS = 3_000;
const PAUSE_MS = 100;

/** Tries again for a while what found the state folder locked: by then it may be free, or served. */
export async function patiently<T>(clock: Clock, attempt: () => Promise<T>): Promise<T> {
  const begin = clock.monotonic();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StateLocked) || clock.monotonic() - begin > PATIENCE_MS) throw error;
      await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
    }
  }
}
