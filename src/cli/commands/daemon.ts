import { resolve } from 'node:path';
import { createLogger } from '../../base/logger.ts';
import { runDaemon } from '../../daemon.ts';
import { capacityOf } from '../capacity.ts';
import type { CommandContext } from '../command.ts';
import { configOf } from '../config.ts';
import { CommandFailure, EXIT } from '../exit-code.ts';
import { keepRunsOf } from '../keep-runs.ts';
import { elsewhereMessage, ownerOf, STATE_FOLDER } from '../locate-state.ts';
import { VERSION } from '../version.ts';

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const stateDir = resolve(io.cwd, context.text('state') ?? io.env['FIXPOINT_STATE'] ?? STATE_FOLDER);
  const owner = await ownerOf(stateDir);
  if (owner.kind === 'elsewhere') throw new CommandFailure(EXIT.unreachable, elsewhereMessage(stateDir, owner.holder));
  const runs = context.text('runs');
  const config = await configOf(io, context.text('config'), stateDir);
  const ended = await runDaemon({
    stateDir,
    runsDir: runs === undefined ? undefined : resolve(io.cwd, runs),
    watch: context.list('watch').map((folder) => resolve(io.cwd, folder)),
    capacity: capacityOf(context, config.capacity),
    backends: config.backends,
    keepRuns: keepRunsOf(context),
    runtimeDir: io.env['XDG_RUNTIME_DIR'],
    clock: io.clock,
    logger: await createLogger({ level: 'info' }),
    version: VERSION,
    onSignal: io.onSignal,
  });
  if (!ended.ok) throw new CommandFailure(EXIT.unreachable, ended.error);
  return EXIT.done;
}
