import { dirname, join, resolve } from 'node:path';
import { silentLogger } from '../base/logger.ts';
import type { Home, WorkflowRef } from '../controllers/home.ts';
import type { Reached } from '../controllers/launch-scope.ts';
import { serveState } from '../server/serve-state.ts';
import { startInputWatch } from '../sources/folder/input-watch.ts';
import { capacityOf } from './capacity.ts';
import { connectClient } from './client.ts';
import type { CommandContext } from './command.ts';
import { configOf } from './config.ts';
import { CommandFailure, EXIT } from './exit-code.ts';
import { keepRunsOf } from './keep-runs.ts';
import { elsewhereMessage, ownerOf, STATE_FOLDER } from './locate-state.ts';
import { openHome, patiently } from './open-home.ts';
import { VERSION } from './version.ts';

/** The home of a `run`: its own, or a daemon's that owns the state. */
export interface RunHome {
  readonly home: Home;
  readonly ours: boolean;
  /** How far what `--until` named is; absent where it cannot be asked for. */
  readonly reached: ((ref: WorkflowRef) => Reached) | undefined;
  /** Launches nothing more in this process, without a trace in the resource; absent at a daemon's home. */
  readonly stopLaunching: ((ref: WorkflowRef) => Promise<void>) | undefined;
  readonly close: () => Promise<void>;
}

export interface RunPlace {
  readonly ref: WorkflowRef;
  readonly file: string;
  readonly follow: boolean;
}

export async function openRunHome(context: CommandContext, place: RunPlace): Promise<RunHome> {
  return patiently(context.io.clock, () => openRunHomeNow(context, place));
}

async function openRunHomeNow(context: CommandContext, place: RunPlace): Promise<RunHome> {
  const { io } = context;
  const { file, follow } = place;
  const folder = file === '-' ? io.cwd : dirname(resolve(io.cwd, file));
  const stateDir = resolve(io.cwd, context.text('state') ?? join(folder, STATE_FOLDER));
  const owner = await ownerOf(stateDir);
  switch (owner.kind) {
    case 'live':
      return daemonsHome(context, owner.holder.socket, owner.holder.pid);
    case 'elsewhere':
      throw new CommandFailure(EXIT.unreachable, elsewhereMessage(stateDir, owner.holder));
    case 'silent':
      throw new CommandFailure(
        EXIT.unreachable,
        `${stateDir} is served by pid ${owner.holder.pid}, which does not answer on unix:${owner.holder.socket}`,
      );
    case 'none':
      return follow ? ownHome(context, stateDir, place.ref) : notedHome(context, stateDir);
  }
}

async function daemonsHome(context: CommandContext, socket: string, pid: number): Promise<RunHome> {
  const ignored = ['config', 'cpus', 'memory', 'gpus', 'runs'].filter((option) => context.text(option) !== undefined);
  if (ignored.length > 0) {
    throw new CommandFailure(
      EXIT.invalid,
      `a daemon (pid ${pid}) owns this state; --${ignored.join(', --')} can only be given to it`,
    );
  }
  if (context.list('until').length > 0) {
    throw new CommandFailure(
      EXIT.invalid,
      `a daemon (pid ${pid}) owns this state and reconciles all of it; --until is a wish of one run alone and cannot be given to it`,
    );
  }
  await context.io.stderr.write(`fixpoint: submitted to the daemon that owns this state (pid ${pid}).\n`);
  const home = connectClient(socket);
  return { home, ours: false, reached: undefined, stopLaunching: undefined, close: async () => home.close() };
}

/** Only to be noted: nothing is started here, a daemon or a later run does that. */
async function notedHome(context: CommandContext, stateDir: string): Promise<RunHome> {
  const { backends } = await configOf(context.io, context.text('config'), stateDir);
  const home = await openHome({ stateDir, passive: true, backends });
  return { home, ours: true, reached: undefined, stopLaunching: undefined, close: () => home.close() };
}

/** Served as well while it lasts, so that `get`, `logs` and `cancel` work from another terminal. */
async function ownHome(context: CommandContext, stateDir: string, awaited: WorkflowRef): Promise<RunHome> {
  const { io } = context;
  const runs = context.text('runs');
  const { capacity, backends } = await configOf(io, context.text('config'), stateDir);
  const home = await openHome({
    stateDir,
    awaited,
    ...(runs === undefined ? {} : { runsDir: resolve(io.cwd, runs) }),
    ...capacityOf(context, capacity),
    backends,
    userAgent: `fixpoint/${VERSION}`,
    ...keepRunsOf(context),
  });
  const inputs = startInputWatch({ home, clock: io.clock, logger: silentLogger });
  const served = await serveState({
    home,
    stateDir,
    runtimeDir: io.env['XDG_RUNTIME_DIR'],
    clock: io.clock,
    version: VERSION,
  });
  if (!served.ok) await io.stderr.write(`fixpoint: other commands cannot reach this run: ${served.error.message}\n`);
  return {
    home,
    ours: true,
    reached: (ref) => home.reached(ref),
    stopLaunching: async (ref) => home.stopLaunching(ref),
    close: async () => {
      if (served.ok) await served.value.close();
      await inputs.close();
      await home.close();
    },
  };
}
