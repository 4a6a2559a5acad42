import type { PodOverlay } from '../apis/pod-overlay.ts';
import type { EndReason } from '../apis/reasons.ts';
import type { SlurmOptions, ValueFrom } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { GraphOutput } from '../graph/graph.ts';
import type { Look } from '../planning/facts.ts';
import type { Needs, OutputRecord, Usage } from '../planning/record.ts';

/**
 * The backend port: where attempts run. Backends speak tokens and handles, know nothing of graphs, and never
 * decide. Every backend obeys the laws that `test/contract/backend-contract.ts` states:
 *
 * 1. `submit` of a token that was submitted before starts nothing new.
 * 2. What was submitted is observed as Running, then as Ended or Gone, or straight as one of these; a reader that
 *    was away gets the last state by `observe`.
 * 3. Ended carries the exit record; Gone means confirmed over without one. Unknown is neither.
 * 4. After `cancel`, the attempt is observed Ended or Gone, and nothing of it is alive then. Cancelling what never
 *    started makes sure that it never will.
 * 5. Closing a backend ends nothing that runs, and what was to follow it never starts.
 * 6. Of a lane no more run than there was room for when one of it was submitted last; they start in the order in which
 *    they came, each when it may, whether the daemon looks or not.
 */
export interface Backend {
  readonly name: string;
  /** What this backend can hold at once. */
  readonly capacity: Capacity;
  /** It counts in lanes: what is submitted ahead of its turn starts when it may. */
  readonly keepsLanes: boolean;
  /** Begins to report; called once. */
  start(report: (observation: Observation) => void): Promise<void>;
  /** The folder that an attempt will have; known before it is submitted, since its command may name it. */
  directoryFor(attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>): string;
  /** Resolves when every launch was handed over or refused. */
  submit(launches: readonly Launch[]): Promise<readonly SubmitOutcome[]>;
  /** The present state of attempts of an earlier daemon. `Queued`: not known yet, it is reported later. */
  observe(attempts: readonly Handled[]): Promise<readonly Observation[]>;
  /** Asks for the end; the end itself is observed. */
  cancel(attempts: readonly Handled[]): Promise<void>;
  /** Makes sure that what has not started never will; what has goes on. */
  withdraw(attempts: readonly Handled[]): Promise<void>;
  /** A part of the output, whole UTF-8 characters only; empty when there is no more yet. */
  readLog(attempt: Handled, stream: 'stdout' | 'stderr', from: LogFrom): Promise<LogPart>;
  /** Forgets what is left of attempts that nobody will ask for again. */
  release(attempts: readonly Handled[], what: 'Displaced' | 'Compacted' | 'Everything'): Promise<void>;
  /** Their ends are in the ledger: what held them until then may let go. */
  recorded?(attempts: readonly Handled[]): Promise<void>;
  readonly files: FileSpace;
  /** It runs the image that a task names. */
  readonly runsImages?: boolean;
  /** Why its attempts cannot be such pods; undefined: they can. Without it none are pods. */
  podProblem?(pod: PodOverlay): string | undefined;
  /** Whether its attempts see this path, as it is here; without it they see all. */
  sees?(path: string): boolean;
  close(): Promise<void>;
}

export interface Capacity extends Omit<Needs, 'walltimeMs'> {
  /** How many attempts, whatever they ask for: of a backend that queues them itself. Undefined: as many as fit. */
  readonly attempts?: number | undefined;
}

/** Paths mean files here. Existence and digests are taken where the attempts run. */
export interface FileSpace {
  /** Folders of the system's own in this space: no output may be or contain one. */
  readonly reserved?: readonly string[];
  /** A look at these will follow soon: what it takes to answer it begins, and nobody need wait for that. Changes no answer. */
  expect?(looks: readonly Look[]): Promise<void>;
  /** Nothing runs and nobody waits: what is small, and too young to be known by its times later, is read. Changes no answer. */
  age?(looks: readonly Look[], signal: AbortSignal): Promise<void>;
  /** Digests by `lookId`; `absent` for what does not exist. */
  look(looks: readonly Look[]): Promise<ReadonlyMap<string, string>>;
  /** For looks that will be made again and again, none of them at a pattern. Undefined: it would spare nothing. */
  hold?(looks: readonly Look[]): HeldLooks | undefined;
  /** Outputs that a later attempt moved aside, put back; false: they are not all there with these digests. */
  restore(attempt: Handled, outputs: readonly OutputRecord[], ownerFolder: OwnerFolder): Promise<boolean>;
  /** What lies at these paths, or matches these patterns, moved to where a later attempt would move it; false: not all could be. */
  setAside(attempt: Handled, outputs: readonly PlacedOutput[]): Promise<boolean>;
  /** Paths that match a pattern, sorted. */
  matching(pattern: string): Promise<readonly string[]>;
  /** Sizes in bytes; 0 for what does not exist. */
  size(path: string): number;
}

export type PlacedOutput = Pick<GraphOutput, 'name' | 'path' | 'form'>;

/** What is looked at again and again, and mostly is as it was. */
export interface HeldLooks {
  /**
   * Tells what may be otherwise than when it was last told; the first time, all. What is not wanted now is told when it is.
   * Fails if it cannot go on: then nothing may be concluded from what it does not tell.
   */
  again(isWanted: (look: Look) => boolean, tell: (id: string, fact: string) => void): Promise<void>;
  release(): void;
}

/**
 * The folder of the attempt, another than the one restored, that an output with this digest belongs to: it is moved
 * there. Undefined: nobody's, or nobody knows; it is kept all the same.
 */
export type OwnerFolder = (name: string, digest: string) => string | undefined;

export interface Handled {
  readonly token: string;
  readonly directory: string | undefined;
  readonly handle: Json | undefined;
}

/** Attempts that ask for the same: whoever ends makes room for one other. */
export interface Lane {
  readonly name: number;
  /** How many of this lane may run at once: it starts when fewer do, after those that came before it. */
  readonly room: number;
}

/** Everything that is needed to run one attempt. */
export interface Launch {
  readonly token: string;
  /** Undefined: it starts at once, and counts nowhere. */
  readonly lane?: Lane | undefined;
  readonly directory: string;
  readonly workflow: string;
  readonly namespace: string;
  readonly key: string;
  readonly number: number;
  readonly command: Command;
  /** Undefined: that of the backend, if it has any. */
  readonly image?: string | undefined;
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Variables whose values the cluster puts in: only for a backend that runs images. */
  readonly envFrom?: readonly (readonly [name: string, from: ValueFrom])[] | undefined;
  readonly files: readonly LaunchFile[];
  readonly workdir: string;
  /** Run in a folder of the attempt's own: where inputs appear and outputs are made before they are published. */
  readonly staged: Staged | undefined;
  readonly stdin: string | undefined;
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  readonly inputs: readonly { readonly name: string; readonly paths: readonly string[] }[];
  readonly outputs: readonly LaunchOutput[];
  readonly needs: Needs;
  /** For Slurm only, with the values of this attempt. */
  readonly slurm?: SlurmOptions | undefined;
  /** For pods only: what they have beside. */
  readonly pod?: PodOverlay | undefined;
  /** For the selectors of whoever keeps the attempt: pods have them. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly graceMs: number;
  readonly metadata: Json;
}

export interface Staged {
  readonly links: readonly { readonly path: string; readonly at: string }[];
  readonly outputs: readonly { readonly name: string; readonly at: string }[];
}

export type Command =
  /** A script and the argv that its path is appended to. */
  | { readonly kind: 'Script'; readonly shell: readonly string[]; readonly text: string }
  /** An argv that no shell sees, unless there is a setup script to run before it. */
  | {
      readonly kind: 'Argv';
      readonly argv: readonly string[];
      readonly setup: string | undefined;
      readonly shell: readonly string[];
    };

export interface LaunchFile {
  readonly name: string;
  /** Absolute; undefined: in the attempt's folder. */
  readonly path: string | undefined;
  readonly content: string;
  readonly mode: number;
}

export interface LaunchOutput {
  readonly name: string;
  readonly path: string;
  readonly form: 'path' | 'glob';
  readonly fingerprint: 'Content' | 'Stat';
  readonly optional: boolean;
  readonly keepPartial: boolean;
  /** Folder of the attempt that whatever lies at the path belongs to; undefined: of nobody we know. */
  readonly displaceInto: string | undefined;
  /** What lies there is no recorded result, and a pattern may match what is no attempt's: it is set aside for good. */
  readonly keepDisplaced?: boolean;
}

export type SubmitOutcome =
  | { readonly token: string; readonly outcome: 'Accepted' }
  | { readonly token: string; readonly outcome: 'Refused'; readonly message: string; readonly reason?: EndReason };

export type Observation =
  | {
      readonly token: string;
      readonly state: 'Running';
      readonly startTime: number;
      readonly handle: Json;
      readonly directory: string | undefined;
    }
  | { readonly token: string; readonly state: 'Ended'; readonly exit: Exit }
  /** Over without an exit record, and nothing of it is left. */
  | {
      readonly token: string;
      readonly state: 'Gone';
      /** False: it was withdrawn before anything of it started. */
      readonly claimed: boolean;
      readonly message: string;
      /** Why, where the backend knows more than that it is gone. */
      readonly reason?: EndReason | undefined;
    }
  /** The backend has never heard of it: it was not submitted. */
  | { readonly token: string; readonly state: 'Absent' }
  /** Handed over, and nothing more is known yet. */
  | { readonly token: string; readonly state: 'Queued' }
  | { readonly token: string; readonly state: 'Unknown'; readonly message: string };

/** The exit record in the words of the ledger. */
export interface Exit {
  readonly verdict: 'Exited' | 'Cancelled' | 'WallTime' | 'OutOfMemory' | 'Problem';
  readonly exitCode: number | undefined;
  /** For `Problem`: why the command was not started, or what it did not make. */
  readonly problem: { readonly reason: EndReason; readonly message: string } | undefined;
  readonly startTime: number;
  readonly finishTime: number;
  readonly elapsedMs: number;
  readonly usage: Usage;
  /** Digests by output name. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** From this byte on (where a read before stopped), or (negative) so many bytes before the end, or the last lines. */
export type LogFrom = number | { readonly lastLines: number };

export interface LogPart {
  readonly text: string;
  /** The byte where it stopped: where the next read goes on. */
  readonly next: number;
}
