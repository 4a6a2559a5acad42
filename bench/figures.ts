/** Every figure that results hold: its heading in tables, and how many digits mean something. */
export const FIGURES = {
  firstInstructionSeconds: 'first instruction, s',
  wallSeconds: 'wall, s',
  cpuSeconds: 'CPU, s',
  cpuMsPerTask: 'CPU, ms/task',
  answerMs: 'answer to a client that runs already, ms',
  daemonCpuMs: 'CPU of the daemon alone, ms',
  treePeakMb: 'peak of the tree, MB',
  mainPeakMb: 'peak of the first process, MB',
  dispatchSeconds: 'first new task, s',
  linkP50Ms: 'link p50, ms',
  linkP95Ms: 'link p95, ms',
  loopP50Ms: 'event-loop delay p50, ms',
  loopP99Ms: 'event-loop delay p99, ms',
  loopMaxMs: 'event-loop delay max, ms',
  coreShare: 'share of a core, %',
  tasks: 'tasks in all rounds',
  kills: 'kills',
  starts: 'starts',
  startedAgain: 'tasks started more than once',
  overlapping: 'tasks that overlapped themselves',
  lost: 'tasks lost',
  leftOver: 'processes left over',
} as const;
export type FigureName = keyof typeof FIGURES;

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two neighbours: their weighted mean. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low = Number.NaN, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}
