import { execa } from 'execa';

/**
 * Slurm's command line tools, the only way in which this backend speaks to Slurm. Each call is bounded in time, speaks
 * the C locale, and sees nothing of an allocation that we may run in ourselves.
 */
export type ToolName = 'sbatch' | 'squeue' | 'sacct' | 'scancel' | 'scontrol';

/** How a tool ended. Nothing is concluded from it here: see `tool-failure.ts`. */
export interface ToolAnswer {
  /** Undefined: it was killed, or never started. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended because it took too long. */
  readonly timedOut: boolean;
  /** `ENOENT` and the like: it was not started. */
  readonly notStarted: string | undefined;
}

export interface Tools {
  /** `stdin`: a file that it reads. Never rejects. */
  run(tool: ToolName, words: readonly string[], stdin?: string): Promise<ToolAnswer>;
}

/** Longer than `MessageTimeout` (10 s by default; twice, since some ask two daemons) and what a busy controller takes. */
const TIMEOUT_MS: Readonly<Record<ToolName, number>> = {
  sbatch: 60_000,
  squeue: 60_000,
  sacct: 120_000,
  scancel: 60_000,
  scontrol: 45_000,
};

/**
 * `sbatch` may outlive us, and then sleeps and tries again for two minutes while the queue is full. Whoever comes after us
 * has to know when it is surely over, so it ends by itself: seconds until TERM, and from there until KILL.
 */
const SBATCH_TERM_S = 45;
const SBATCH_KILL_S = 5;
/** An sbatch that we started, and whose end we did not see, is over after so long. */
export const SBATCH_LIFE_MS = (SBATCH_TERM_S + SBATCH_KILL_S) * 1000;

/** What answers are read up to: 50,000 rows of squeue are 5 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Defaults of a user's that do not touch the protocol; every other `SBATCH_…` could change what a submission means. */
const KEPT_VARIABLES: ReadonlySet<string> = new Set([
  'SBATCH_ACCOUNT',
  'SBATCH_CONSTRAINT',
  'SBATCH_PARTITION',
  'SBATCH_QOS',
  'SBATCH_RESERVATION',
  'SLURM_CONF',
  'SLURM_CONF_SERVER',
  'SLURM_JWT',
]);

export class CommandLineTools implements Tools {
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = toolEnvironment(env);
  }

  async run(tool: ToolName, words: readonly string[], stdin?: string): Promise<ToolAnswer> {
    try {
      const bounded = tool === 'sbatch' ? ['timeout', '-k', String(SBATCH_KILL_S), String(SBATCH_TERM_S)] : [];
      const [file, ...rest] = [...bounded, tool, ...words] as [string, ...string[]];
      const result = await execa(file, rest, {
        env: this.#env,
        extendEnv: false,
        cwd: '/',
        reject: false,
        ...(stdin === undefined ? { stdin: 'ignore' } : { inputFile: stdin }),
        timeout: TIMEOUT_MS[tool],
        killSignal: 'SIGKILL',
        maxBuffer: MAX_ANSWER_BYTES,
        stripFinalNewline: false,
        // Whoever stops the daemon stops no submission: its answer is looked up by whoever comes after us.
        cleanup: tool !== 'sbatch',
        detached: tool === 'sbatch',
      });
      return {
        exitCode: result.exitCode,
        stdout: result.stdout,
        stderr: result.stderr,
        timedOut: result.timedOut || (bounded.length > 0 && TIMED_OUT.has(result.exitCode ?? 0)),
        notStarted: result.exitCode === undefined && result.signal === undefined ? (result.code ?? 'ERROR') : undefined,
      };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { exitCode: undefined, stdout: '', stderr: message, timedOut: false, notStarted: code ?? 'ERROR' };
    }
  }
}

/** By `timeout`: it sent TERM, or KILL after it. */
const TIMED_OUT: ReadonlySet<number> = new Set([124, 137]);

/** Ours without what would change what the tools do or print. */
function toolEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => KEPT_VARIABLES.has(name) || !/^(?:SLURM|SBATCH|SQUEUE|SACCT|SCANCEL|SINFO|SCONTROL|LC)_/.test(name),
  );
  // 0: lists of array indexes are not cut off after 64 characters.
  return { ...Object.fromEntries(kept), LC_ALL: 'C', SLURM_BITSTR_LEN: '0' };
}

/** Counts calls by kind, for whoever watches the load on the controller. */
export class CountedTools implements Tools {
  readonly calls = new Map<ToolName, number>();
  readonly #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  run(tool: ToolName, words: readonly string[], stdin?: string): Promise<ToolAnswer> {
    this.calls.set(tool, (this.calls.get(tool) ?? 0) + 1);
    return this.#tools.run(tool, words, stdin);
  }
}
