import type { EmbeddedHome, EmbeddedHomeOptions } from '../controllers/embedded-home.ts';
import { CommandFailure, EXIT } from './exit-code.ts';

/** The home in this process. Loaded on demand: commands over the socket need neither database nor planner. */
export async function openHome(options: EmbeddedHomeOptions): Promise<EmbeddedHome> {
  const { openEmbeddedHome } = await import('../controllers/embedded-home.ts');
  const opened = await openEmbeddedHome(options);
  if (!opened.ok) throw new CommandFailure(EXIT.unreachable, opened.error.message);
  return opened.value;
}
