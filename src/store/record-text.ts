import {
  type Attempt,
  type EndedAttempt,
  isSettled,
  type Needs,
  type Outcome,
  type OutputRecord,
  type SettledAttempt,
  type SettledRecord,
  type TaskRecord,
} from '../planning/record.ts';

/**
 * A record as the ledger has it: JSON. One whose last attempt has succeeded has two lines of it, the first with what judging
 * asks (`SettledRecord`), the second with the rest. A start reads all first lines and hardly any second one, so those are
 * lists without names, which are read in a third of the time. JSON has no line breaks of its own.
 *
 * | line | |
 * |---|---|
 * | first | `[key, marks, attempt…]`; an attempt: `[number, uid, execution, templateDigest, phase, reason, elapsedMs, needs…, writes, outputs]` |
 * | second | `[rest of an attempt…]`, by name |
 */
export function recordText(record: TaskRecord): string {
  if (!isSettled(record)) return JSON.stringify(record);
  const { key, attempts, ...marks } = record;
  const parts = attempts.map(partsOf);
  const first = [key, marks, ...parts.map(({ asked }) => asked)];
  return `${JSON.stringify(first)}\n${JSON.stringify(parts.map(({ rest }) => rest))}`;
}

export function recordOf(text: string): TaskRecord {
  const cut = text.indexOf('\n');
  if (cut < 0) return JSON.parse(text) as TaskRecord;
  const { settled: _, ...record } = settledOf(text.slice(0, cut));
  const rest = JSON.parse(text.slice(cut + 1)) as readonly Rest[];
  return { ...record, attempts: record.attempts.map((asked, i) => joined(asked, rest[i] as Rest)) };
}

/** As far as judging asks. */
export function askedOf(text: string): TaskRecord | SettledRecord {
  const cut = text.indexOf('\n');
  return cut < 0 ? (JSON.parse(text) as TaskRecord) : settledOf(text.slice(0, cut));
}

type Marks = Omit<TaskRecord, 'key' | 'attempts'>;
type AttemptList = readonly [
  number: number,
  uid: string,
  execution: string,
  templateDigest: string,
  phase: Outcome['phase'],
  reason: string,
  elapsedMs: number | null,
  cpu: number,
  memoryBytes: number,
  gpu: number,
  walltimeMs: number,
  writes: readonly string[],
  outputs: readonly (string | number | null)[],
];
type Rest = Omit<Attempt, keyof SettledAttempt> & {
  readonly preimage: Omit<Attempt['preimage'], 'templateDigest'>;
  readonly outcome: Omit<Outcome, keyof SettledAttempt['outcome']>;
};

function partsOf(attempt: EndedAttempt): { readonly asked: AttemptList; readonly rest: Rest } {
  const { number, uid, state: _, execution, needs, writes, preimage, outcome, ...others } = attempt;
  const { templateDigest, ...preimageRest } = preimage;
  const { phase, reason, elapsedMs, outputs, ...outcomeRest } = outcome;
  const { cpu, memoryBytes, gpu, walltimeMs } = needs;
  return {
    asked: [
      ...([number, uid, execution, templateDigest, phase, reason, elapsedMs ?? null] as const),
      ...([cpu, memoryBytes, gpu, walltimeMs] as const),
      writes.flatMap(({ name, path, lookId }) => [name, path, lookId]),
      outputs.flatMap(({ name, path, digest, sizeBytes }) => [name, path, digest, sizeBytes ?? null]),
    ],
    rest: { ...others, preimage: preimageRest, outcome: outcomeRest },
  };
}

function settledOf(line: string): SettledRecord {
  const [key, marks, ...attempts] = JSON.parse(line) as [string, Marks, ...AttemptList[]];
  return { settled: true, key, attempts: attempts.map(attemptOf), ...marks };
}

function attemptOf(list: AttemptList): SettledAttempt {
  const [number, uid, execution, templateDigest, phase, reason, elapsedMs] = list;
  const needs: Needs = { cpu: list[7], memoryBytes: list[8], gpu: list[9], walltimeMs: list[10] };
  const written = list[11];
  const made = list[12];
  const writes: Attempt['writes'][number][] = [];
  for (let i = 0; i < written.length; i += 3)
    writes.push({ name: written[i] as string, path: written[i + 1] as string, lookId: written[i + 2] as string });
  const outputs: OutputRecord[] = [];
  for (let i = 0; i < made.length; i += 4) {
    const output = { name: made[i] as string, path: made[i + 1] as string, digest: made[i + 2] as string };
    const sizeBytes = made[i + 3] as number | null;
    outputs.push(sizeBytes === null ? output : { ...output, sizeBytes });
  }
  const ended = elapsedMs === null ? { phase, reason, outputs } : { phase, reason, elapsedMs, outputs };
  return { number, uid, state: 'Ended', execution, needs, writes, preimage: { templateDigest }, outcome: ended };
}

function joined(asked: SettledAttempt, rest: Rest): Attempt {
  return {
    ...rest,
    ...asked,
    preimage: { ...rest.preimage, ...asked.preimage },
    outcome: { ...rest.outcome, ...asked.outcome },
  };
}
