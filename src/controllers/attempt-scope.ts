import { FAILURE_REASONS, INFRASTRUCTURE_REASONS } from '../apis/reasons.ts';
import type { Value } from '../expressions/value.ts';
import { type Attempt, nextNumber, type TaskRecord } from '../planning/record.ts';

/** What `attempt` means in late expressions: the next attempt, and how the ones before it ended. */
export function attemptScope(record: TaskRecord | undefined, directory: string): Value {
  const past = (record?.attempts ?? []).filter((a) => a.number > (record?.forgivenUpTo ?? 0));
  const last = past.at(-1);
  const failures: Record<string, bigint> = {};
  for (const reason of [...FAILURE_REASONS, ...INFRASTRUCTURE_REASONS]) failures[reason] = 0n;
  for (const attempt of past) {
    const reason = attempt.outcome?.phase === 'Failed' ? attempt.outcome.reason : undefined;
    if (reason !== undefined) failures[reason] = (failures[reason] ?? 0n) + 1n;
  }
  return {
    number: BigInt(nextNumber(record)),
    restart: 0n,
    dir: directory,
    failures,
    last: lastScope(last),
  };
}

function lastScope(last: Attempt | undefined): Value {
  return {
    reason: last?.outcome?.reason ?? '',
    exitCode: BigInt(last?.outcome?.exitCode ?? 0),
    signal: last?.outcome?.signal ?? '',
    peakMemory: BigInt(Math.round(last?.outcome?.usage?.maxRssBytes ?? 0)),
    elapsed: (last?.outcome?.elapsedMs ?? 0) / 1000,
    resources: {
      cpu: last?.needs.cpu ?? 0,
      memory: BigInt(last?.needs.memoryBytes ?? 0),
      gpu: BigInt(last?.needs.gpu ?? 0),
    },
  };
}
