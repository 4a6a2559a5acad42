import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { BackendConfig } from '../backends/backend-config.ts';
import { openBackend, withSlurm } from '../backends/open-backend.ts';
import { machineCapacity } from '../backends/process/capacity.ts';
import { ProcessBackend } from '../backends/process/process-backend.ts';
import { installedSpawner } from '../backends/process/spawner.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { failPoint } from '../base/fail-point.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { processEnvironment, wantsShellSpawner } from '../base/process-environment.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { openDatabase } from '../store/database.ts';
import { type Lock, takeLock } from '../store/lock.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import type { WorkflowRef } from './home.ts';
import { LocalHome } from './local-home.ts';

/**
 * The embedded home: resources and ledger in SQLite in a state folder, attempts as processes of this host. This file
 * only puts the parts together; `local-home.ts` is the home.
 */
export interface EmbeddedHomeOptions {
  readonly stateDir: string;
  /** Default: `runs` in the state folder. */
  readonly runsDir?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly gpus?: number;
  /** Beside `process`. */
  readonly backends?: readonly BackendConfig[];
  /** Who asks, as other systems are told. */
  readonly userAgent?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly keepRuns?: 'all' | 'failed' | 'none' | 'compact';
  /** A workflow that is about to be applied: it makes no turn before that. */
  readonly awaited?: WorkflowRef | undefined;
  /** Reads what is there; needs no lock and writes nothing. */
  readonly readOnly?: boolean;
  /** Records documents and requests for whoever runs next; launches and observes nothing. */
  readonly passive?: boolean;
}

export interface OpenError {
  readonly reason: 'Locked' | 'Unusable';
  readonly message: string;
}

export type EmbeddedHome = LocalHome;

export async function openEmbeddedHome(options: EmbeddedHomeOptions): Promise<Result<EmbeddedHome, OpenError>> {
  const { stateDir, readOnly = false, passive = false } = options;
  if (process.platform !== 'linux' && !readOnly && !passive)
    return fail({
      reason: 'Unusable',
      message: 'the process backend needs Linux; everything that launches nothing works here',
    });
  let dir: string;
  try {
    failPoint('state.before');
    if (!readOnly) mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    failPoint('state.after');
    dir = realpathSync(stateDir);
  } catch (error) {
    return fail({ reason: 'Unusable', message: `${stateDir}: ${String((error as Error).message)}` });
  }
  let lock: Lock | undefined;
  if (!readOnly) {
    const path = join(dir, 'lock');
    try {
      const taken = takeLock(path);
      if (!taken.ok) return fail({ reason: 'Locked', message: lockedMessage(dir) });
      lock = taken.value;
    } catch (error) {
      return fail({ reason: 'Unusable', message: unlockable(path, error as { code?: string; message: string }) });
    }
  }
  const database = openDatabase(join(dir, 'fixpoint.db'), { readOnly });
  if (!database.ok) {
    lock?.release();
    return fail({ reason: 'Unusable', message: database.error });
  }
  const clock = options.clock ?? systemClock;
  const env = processEnvironment();
  const processes: Backend = new ProcessBackend({
    runsDir: options.runsDir ?? join(dir, 'runs'),
    capacity: machineCapacity(options),
    clock,
    env,
    nativeSpawner: wantsShellSpawner() ? undefined : installedSpawner(),
    // Who only reads must not write, but need not read all files again either.
    digestsFile: { path: join(dir, 'digests'), writable: !readOnly },
  });
  const backends: [Backend, ...Backend[]] = [processes];
  for (const config of withSlurm(options.backends ?? [], env)) {
    const opened = await openBackend(config, {
      stateDir: dir,
      runsDir: options.runsDir,
      files: processes.files,
      clock,
      logger: options.logger ?? silentLogger,
      env,
      userAgent: options.userAgent ?? 'fixpoint',
      active: !readOnly && !passive,
    });
    if (!opened.ok) {
      await Promise.all(backends.map((backend) => backend.close()));
      database.value.close();
      lock?.release();
      return fail({ reason: 'Unusable', message: opened.error });
    }
    backends.push(opened.value);
  }
  const home = await LocalHome.open({
    store: new SqliteStore(database.value),
    backends,
    clock,
    logger: options.logger ?? silentLogger,
    keepRuns: options.keepRuns ?? 'compact',
    activity: readOnly ? 'ReadOnly' : passive ? 'Passive' : 'Active',
    awaited: options.awaited,
    onClose: () => lock?.release(),
  });
  return ok(home);
}

function unlockable(path: string, { code, message }: { code?: string; message: string }): string {
  if (code !== 'SQLITE_NOTADB' && code !== 'SQLITE_CORRUPT') return `${path}: ${message}`;
  return `${path} is damaged; nothing is kept in it: remove it when nobody uses the folder`;
}

function lockedMessage(dir: string): string {
  try {
    const holder = JSON.parse(readFileSync(join(dir, 'holder.json'), 'utf8')) as { pid?: number; host?: string };
    return `${dir} is in use by pid ${holder.pid} on ${holder.host}`;
  } catch {
    return `${dir} is in use by another process`;
  }
}
