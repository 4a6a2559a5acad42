import { median } from './figures.ts';
import { forPeople, machine } from './machine.ts';
import type { AccountKind } from './measure/account.ts';
import type { Peer } from './peers/peer.ts';
import { appendResult, type Result } from './results.ts';
import type { Contender, Sample } from './stage.ts';

/** A peer that is installed here. */
export interface FoundPeer {
  readonly peer: Peer;
  readonly program: string;
  readonly version: string;
}

/** What every workload is given: who takes part, how much, and where figures go. */
export interface Session {
  readonly accounts: AccountKind;
  readonly peers: readonly FoundPeer[];
  readonly pairs: number;
  readonly quick: boolean;
  /** Only these sizes; undefined: all. */
  readonly tasks?: readonly number[];
  /** Where peers are installed. */
  readonly cache: string;
  readonly resultsFile: string;
  readonly say: (line: string) => void;
  /** A run that went wrong: said at once, and the exit code tells. */
  readonly fail: (line: string) => void;
}

/** The part of a result that tells what it is about. */
export type Subject = Pick<Result, 'workload' | 'variant' | 'tasks' | 'slots'>;

/** What was taken, before anything follows from it. */
export interface Taken {
  readonly subject: Subject;
  readonly who: Pick<Contender, 'name' | 'version'>;
  readonly command: string;
  readonly samples: readonly Sample[];
  /** Ours of the same pairs. */
  readonly against?: readonly Sample[];
  /** Counts are added up; of everything else the median counts. */
  readonly counts?: boolean;
}

export function record(session: Session, taken: Taken): void {
  const { subject, who, command, samples, against = [] } = taken;
  const rows = samples.map((sample) => sample.figures);
  const figures = taken.counts ? overAll(rows, sum) : overAll(rows, median);
  const pairs = against.map((ours, i) => quotients(samples[i]?.figures ?? {}, ours.figures));
  const ratios = overAll(pairs, median);
  const result: Result = {
    ...subject,
    tool: who.name,
    version: who.version,
    time: new Date().toISOString(),
    quick: session.quick,
    account: session.accounts.name,
    command: forPeople(command, session.cache),
    machine: machine(),
    figures,
    ratios,
    samples,
  };
  appendResult(session.resultsFile, result);
  session.say(summary(result));
}

type Row = Readonly<Record<string, number>>;

/** One value for each name that stands in any row. */
function overAll(rows: readonly Row[], reduce: (values: readonly number[]) => number): Row {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return Object.fromEntries(
    [...names].map((name) => [name, reduce(rows.map((row) => row[name]).filter((value) => value !== undefined))]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Only of what can be compared as a ratio: times. */
function quotients(one: Row, other: Row): Row {
  const names = ['wallSeconds', 'cpuSeconds', 'firstInstructionSeconds'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const [above, below] = [one[name], other[name]];
      return above === undefined || below === undefined || below === 0 ? [] : [[name, above / below]];
    }),
  );
}

function summary({ tool, figures, ratios, samples }: Result): string {
  const values = Object.entries(figures).map(([name, value]) => `${name} ${short(value)}`);
  const over = Object.entries(ratios).map(([name, value]) => `${name} ${short(value)}`);
  const compared = over.length === 0 ? '' : `; relative to ours: ${over.join(', ')}`;
  return `  ${tool} (${samples.length} x): ${values.join(', ')}${compared}`;
}

/** Three digits that mean something. */
export function short(value: number): string {
  if (Number.isNaN(value)) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
