import type { Work } from '../work.ts';

/** A tool that can do the same work. Everything that is special about it is in its one object. */
export interface Peer {
  readonly name: string;
  readonly source: Source;
  /** Prints the version somewhere in its first line. */
  readonly version: (program: string) => readonly string[];
  /** It takes longer than anybody waits with more tasks than this. */
  readonly mostTasks?: number;
  /** It says of itself that it goes on after a crash where it was, and takes part in that comparison. */
  readonly recovers?: boolean;
  readonly express: (work: Work, program: string) => Expression | Refusal;
}

/** Where it is installed from, and the name of its program there. */
export type Source =
  | { readonly kind: 'Debian'; readonly package: string; readonly program: string }
  | {
      readonly kind: 'PyPI';
      readonly venv: string;
      readonly requirements: readonly string[];
      readonly program: string;
    };

/** The work in the language of the tool. All paths are relative to one folder, in which the command runs. */
export interface Expression {
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** Tells what would run; undefined: it cannot. */
  readonly plan?: readonly string[];
  /** How a plan with something to do ends, if not with 0. */
  readonly planExit?: number;
  /** What its plan of one edited task says. */
  readonly planSays?: RegExp;
  /** Run again, it does only what is missing or edited; undefined: it keeps no record between runs. */
  readonly resumes?: Resumption;
  /** Called after a crash, before the command is run again. */
  readonly afterCrash?: readonly string[];
  readonly stdin?: string;
  /** What is wrong after a run, from its own records; undefined: every task succeeded. */
  readonly problem?: (dir: string) => string | undefined;
}

/** How it learns of an edited task: by itself; its output is removed for it; or not at all. */
export type Resumption = 'sees edits' | 'is told of edits' | 'does not see edits';

/** Why it cannot do this work. */
export interface Refusal {
  readonly cannot: string;
}

export function isRefusal(value: object): value is Refusal {
  return 'cannot' in value;
}
