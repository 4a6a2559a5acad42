import { resolve } from 'node:path';
import { parseDuration } from '../../base/duration.ts';
import { createLogger } from '../../base/logger.ts';
import { runClusterDaemon, runDaemon } from '../../daemon.ts';
import { LEASE_TIMINGS, type LeaseTimings } from '../../kubernetes/leader-election.ts';
import { capacityOf } from '../capacity.ts';
import type { CommandContext } from '../command.ts';
import { configOf } from '../config.ts';
import { CommandFailure, EXIT } from '../exit-code.ts';
import { keepRunsOf } from '../keep-runs.ts';
import { elsewhereMessage, ownerOf, STATE_FOLDER } from '../locate-state.ts';
import { VERSION } from '../version.ts';

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const home = context.text('home') ?? 'embedded';
  if (home === 'cluster') return runInCluster(context);
  if (home !== 'embedded') throw new CommandFailure(EXIT.invalid, `--home: embedded or cluster, not ${home}`);
  for (const option of ['kubeconfig', 'context', 'namespace', 'metrics'])
    if (context.text(option) !== undefined)
      throw new CommandFailure(EXIT.invalid, `--${option} goes with --home cluster`);
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

const LEASE_OPTIONS = {
  durationMs: 'leaderElectLeaseDuration',
  renewMs: 'leaderElectRenewDeadline',
  retryMs: 'leaderElectRetryPeriod',
} as const;

function leaseOf(context: CommandContext): LeaseTimings {
  const timings: { -readonly [K in keyof LeaseTimings]: number } = { ...LEASE_TIMINGS };
  for (const name of Object.keys(LEASE_OPTIONS) as (keyof LeaseTimings)[]) {
    const text = context.text(LEASE_OPTIONS[name]);
    const parsed = text === undefined ? undefined : parseDuration(text);
    if (parsed?.ok === false) throw new CommandFailure(EXIT.invalid, `${text}: ${parsed.error}`);
    timings[name] = parsed?.value ?? timings[name];
  }
  const { durationMs, renewMs, retryMs } = timings;
  if (durationMs % 1000 === 0 && durationMs > renewMs && renewMs > retryMs && retryMs > 0) return timings;
  throw new CommandFailure(
    EXIT.invalid,
    'the lease lasts whole seconds, longer than its renew deadline, and that longer than the retry period',
  );
}

/** Workflows are resources of a cluster, and so is all that is remembered of them. */
async function runInCluster(context: CommandContext): Promise<number> {
  const { io } = context;
  for (const option of ['state', 'runs', 'watch'])
    if (context.text(option) !== undefined || context.list(option).length > 0)
      throw new CommandFailure(EXIT.invalid, `--${option} goes with --home embedded`);
  const config = await configOf(io, context.text('config'), '/etc/fixpoint');
  const pods = config.backends.filter((backend) => backend.type === 'kubernetes');
  const [backend] = pods;
  if (backend === undefined || pods.length !== config.backends.length || pods.length > 1)
    throw new CommandFailure(
      EXIT.invalid,
      'a cluster home runs pods: its configuration has one backend, of type kubernetes, with the volume that pods and this process share',
    );
  const ended = await runClusterDaemon({
    kubeconfig: context.text('kubeconfig'),
    context: context.text('context'),
    namespace: context.text('namespace') ?? backend.namespace,
    metrics: context.text('metrics'),
    backend,
    lease: leaseOf(context),
    env: io.env,
    clock: io.clock,
    logger: await createLogger({ level: 'info' }),
    version: VERSION,
    onSignal: io.onSignal,
  });
  if (!ended.ok) throw new CommandFailure(EXIT.unreachable, ended.error);
  return EXIT.done;
}
