/**
 * The composition root of the daemon: it opens the home of a state folder, serves it, starts the folder sources,
 * and ends in the opposite order. Ending cancels nothing: attempts live on and are adopted by whoever comes next.
 */
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import { fail, ok, type Result } from './base/result.ts';
import { type ClusterHome, type ClusterHomeOptions, openClusterHome } from './controllers/cluster-home.ts';
import { type EmbeddedHomeOptions, openEmbeddedHome } from './controllers/embedded-home.ts';
import { serveProbes } from './server/probes.ts';
import { serveState } from './server/serve-state.ts';
import { startInputWatch } from './sources/folder/input-watch.ts';

export interface DaemonOptions {
  readonly stateDir: string;
  readonly runsDir: string | undefined;
  /** Folders whose files are applied, absolute. */
  readonly watch: readonly string[];
  readonly capacity: { readonly cpus?: number; readonly memoryBytes?: number; readonly gpus?: number };
  readonly backends: NonNullable<EmbeddedHomeOptions['backends']>;
  readonly keepRuns: Pick<EmbeddedHomeOptions, 'keepRuns'>;
  readonly runtimeDir: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly onSignal: (signal: 'SIGINT' | 'SIGTERM', run: () => void) => () => void;
}

export interface ClusterDaemonOptions extends Omit<ClusterHomeOptions, 'userAgent'> {
  readonly version: string;
  /** Where probes and metrics are served; undefined: nowhere. */
  readonly metrics: string | undefined;
  readonly onSignal: DaemonOptions['onSignal'];
}

/**
 * Runs workflows of a cluster until a signal, or until this process leads no more: the error says so, and whoever started it
 * does so again.
 */
export async function runClusterDaemon(options: ClusterDaemonOptions): Promise<Result<void, string>> {
  const { logger, metrics, version } = options;
  const stopping = new AbortController();
  const signalled = waitForSignal(options).finally(() => stopping.abort());
  let gained = false;
  let opened: ClusterHome | undefined;
  const probes =
    metrics === undefined
      ? undefined
      : await serveProbes(metrics, {
          // Who waits for the lease is ready, too.
          isReady: () => !gained || opened !== undefined,
          workflows: async () => (await opened?.home.list())?.items ?? [],
          requests: () => opened?.requests() ?? new Map<string, number>(),
        });
  if (probes?.ok === false) return probes;
  if (probes) logger.info({ address: probes.value.address }, 'serves probes and metrics');
  try {
    const onGained = (): void => {
      gained = true;
    };
    const home = await openClusterHome({ ...options, userAgent: `fixpoint/${version}`, onGained }, stopping.signal);
    if (!home.ok) return home;
    opened = home.value;
    if (opened === undefined) return ok(undefined);
    const lost = await Promise.race([signalled.then(() => undefined), opened.lost]);
    // Whoever leads now must not wait for us: nothing that closing would write gets through.
    if (lost !== undefined) return fail(lost);
    logger.info({}, 'stopping; what runs goes on');
    await opened.close();
    return ok(undefined);
  } finally {
    await probes?.value.close();
  }
}

const LOCK_PATIENCE_MS = 3_000;
const LOCK_PAUSE_MS = 50;

/** Runs until a signal. The error is one sentence: the state is held by another, or cannot be used. */
export async function runDaemon(options: DaemonOptions): Promise<Result<void, string>> {
  const { stateDir, runsDir, clock, logger } = options;
  // From here on, so that a signal during a slow start is not lost.
  const signalled = waitForSignal(options);
  /** What was started, to be ended in the opposite order. */
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let end = started.pop(); end !== undefined; end = started.pop()) await end();
  };
  const open = () =>
    openEmbeddedHome({
      stateDir,
      ...(runsDir === undefined ? {} : { runsDir }),
      ...options.capacity,
      ...options.keepRuns,
      backends: options.backends,
      userAgent: `fixpoint/${options.version}`,
      clock,
      logger,
    });
  const begin = clock.monotonic();
  let opened = await open();
  // A command that notes a wish holds the state for a moment only.
  while (!opened.ok && opened.error.reason === 'Locked' && clock.monotonic() - begin < LOCK_PATIENCE_MS) {
    await new Promise<void>((resolve) => clock.after(LOCK_PAUSE_MS, resolve));
    opened = await open();
  }
  if (!opened.ok) return fail(opened.error.message);
  const home = opened.value;
  started.push(() => home.close());
  try {
    const served = await serveState({
      home,
      stateDir,
      runtimeDir: options.runtimeDir,
      clock,
      version: options.version,
      onError: (error) => logger.error({ error }, 'a request could not be answered'),
    });
    if (!served.ok) return fail(served.error.message);
    started.push(() => served.value.close());
    logger.info({ state: stateDir, socket: served.value.socketPath, pid: process.pid }, 'serving');
    const inputs = startInputWatch({ home, clock, logger });
    started.push(() => inputs.close());
    for (const dir of options.watch) {
      // On demand: a daemon that watches nothing needs no watcher.
      const { startFolderSource } = await import('./sources/folder/folder-source.ts');
      const source = await startFolderSource({ dir, home, clock, logger });
      started.push(() => source.close());
      logger.info({ dir }, 'watching');
    }
    const signal = await signalled;
    logger.info({ signal }, 'stopping; what runs goes on');
    return ok(undefined);
  } finally {
    await stop();
  }
}

function waitForSignal(options: Pick<DaemonOptions, 'onSignal'>): Promise<string> {
  return new Promise((resolve) => {
    options.onSignal('SIGINT', () => resolve('SIGINT'));
    options.onSignal('SIGTERM', () => resolve('SIGTERM'));
  });
}
