import type { EmbeddedHomeOptions } from '../controllers/embedded-home.ts';
import type { CommandContext } from './command.ts';

/** `--keep-runs`; without it, folders of successes are compacted. */
export function keepRunsOf(context: CommandContext): Pick<EmbeddedHomeOptions, 'keepRuns'> {
  const which = context.oneOf('keepRuns', ['all', 'failed', 'none']);
  return which === undefined ? {} : { keepRuns: which };
}
