import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rate } from '../../base/token-bucket.ts';
import type { FileSpace } from '../backend.ts';
import type { Tools } from './tools.ts';

export interface SlurmBackendOptions {
  readonly name: string;
  /** On a file system that every node shares. */
  readonly runsDir: string;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly files: FileSpace;
  readonly logger: Logger;
  /** Instead of the command line. */
  readonly tools?: Tools;
  /** Calls of sbatch, and of scancel. */
  readonly rate?: Rate;
  /** Elements that it keeps in Slurm's queue at once; undefined: a part of what the controller holds. */
  readonly maxQueued?: number;
  /** How long a file system may take to show a record; undefined: `END_GRACE_MS`. */
  readonly endGraceMs?: number;
  /** Slurm does not answer since then (milliseconds, wall clock), in its words; undefined: it does again. */
  readonly onUnavailable?: (sinceMs: number | undefined, message: string) => void;
}
