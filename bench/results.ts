import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Sample } from './stage.ts';

/** What one tool gave in one workload: all samples, and what follows from them. */
export interface Result {
  readonly workload: string;
  /** Of the workload: what its tasks are, or which part of it this is. */
  readonly variant: string;
  readonly tool: string;
  readonly version: string;
  readonly tasks: number;
  readonly slots: number;
  readonly time: string;
  /** Taken to see that it works, with few and small runs: never published. */
  readonly quick: boolean;
  /** How cpu time was found. */
  readonly account: string;
  readonly command: string;
  readonly machine: string;
  /** Medians. */
  readonly figures: Readonly<Record<string, number>>;
  /** Medians over the pairs of this tool's figure divided by ours of the same pair. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
}

/** Results lie in one file of JSON lines, to which every result is added when it is there. */
export function appendResult(file: string, result: Result): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}

/** The newest result of each tool in each workload, variant and size. */
export function newestResults(file: string): readonly Result[] {
  if (!existsSync(file)) return [];
  const newest = new Map<string, Result>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const result = JSON.parse(line) as Result;
    const { workload, variant, tool, tasks } = result;
    if (!result.quick) newest.set(JSON.stringify([workload, variant, tool, tasks]), result);
  }
  return [...newest.values()];
}
