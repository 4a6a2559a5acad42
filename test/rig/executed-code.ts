import { Session } from 'node:inspector';

/**
 * How much of our code was executed, exactly: the engine counts how often each block ran, and a block weighs as many
 * characters as it has. Neither the machine nor its load changes the figure; a loop over all tasks does, wherever it is.
 * What was loaded before `start` has counts of whole functions only.
 */
export class ExecutedCode {
  readonly #session = new Session();
  readonly #folder: string;

  /** `folder`: the URL below which code is ours. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#session.connect();
  }

  start(): void {
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Since the last time it was asked for. */
  take(): Execution {
    let execution: Execution | undefined;
    // Answered before `post` returns: the engine is this one.
    this.#session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error) throw error;
      execution = this.#weigh(coverage.result);
    });
    if (!execution) throw new Error('the engine counted nothing');
    return execution;
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  #weigh(scripts: readonly Script[]): Execution {
    const functions: Record<string, Weighed> = {};
    let work = 0;
    for (const { url, functions: all } of scripts) {
      if (!url.startsWith(this.#folder)) continue;
      const file = url.slice(this.#folder.length).replace(/\?.*/, '');
      for (const { functionName, ranges } of all) {
        const calls = ranges[0]?.count ?? 0;
        // The outermost is the module itself, whose inner functions are listed on their own.
        if (calls === 0 || (functionName === '' && ranges[0]?.startOffset === 0)) continue;
        const weight = weightOf(ranges);
        work += weight;
        const name = `${file} ${functionName}`;
        const before = functions[name] ?? { calls: 0, work: 0 };
        functions[name] = { calls: before.calls + calls, work: before.work + weight };
      }
    }
    return { work, functions };
  }
}

/** What was executed in both. */
export function together(a: Execution, b: Execution): Execution {
  const functions: Record<string, Weighed> = { ...a.functions };
  for (const [name, { calls, work }] of Object.entries(b.functions)) {
    const before = functions[name] ?? { calls: 0, work: 0 };
    functions[name] = { calls: before.calls + calls, work: before.work + work };
  }
  return { work: a.work + b.work, functions };
}

export interface Weighed {
  readonly calls: number;
  readonly work: number;
}

export interface Execution {
  readonly work: number;
  /** By `FILE NAME`. */
  readonly functions: Readonly<Record<string, Weighed>>;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly functionName: string; readonly ranges: readonly Range[] }[];
}

/** Ranges nest, outer before inner; a character counts as often as the innermost range around it. */
function weightOf(ranges: readonly Range[]): number {
  let weight = 0;
  const open: Range[] = [];
  for (const range of ranges) {
    while (open.length > 0 && (open.at(-1) as Range).endOffset <= range.startOffset) open.pop();
    const around = open.at(-1)?.count ?? 0;
    weight += (range.endOffset - range.startOffset) * (range.count - around);
    open.push(range);
  }
  return weight;
}
