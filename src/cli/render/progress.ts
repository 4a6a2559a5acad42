import type { EventLine } from '../../apis/task-view.ts';
import type { Workflow } from '../../apis/workflow.ts';
import { shortDuration } from './age.ts';
import { type Paint, paintPhase } from './color.ts';
import { clip, oneLine } from './terminal-text.ts';

/** Running tasks that are listed; the others are counted. */
const MAX_RUNNING_SHOWN = 8;
/** The rate is taken over this much of the past: long enough to be steady, short enough to notice a change. */
const RATE_WINDOW_MS = 60_000;
/** Fewer finished tasks say nothing about the others. */
const MIN_FINISHED_FOR_ESTIMATE = 5;

/** Events of an attempt that are not its end. */
const GOES_ON: ReadonlySet<string> = new Set(['AttemptCreated', 'AttemptStarted', 'ResultAccepted', 'OutputsRestored']);

/** What a live view knows: fed by events and by the resource, asked for its lines. */
export class Progress {
  #workflow: Workflow | undefined;
  readonly #running = new Map<string, number>();
  #samples: { readonly at: number; readonly finished: number }[] = [];

  see(workflow: Workflow, now: number): void {
    this.#workflow = workflow;
    const { finished } = this.#totals();
    if (this.#samples.at(-1)?.finished === finished) return;
    this.#samples.push({ at: now, finished });
    this.#samples = this.#samples.filter((sample, index) => now - sample.at <= RATE_WINDOW_MS || index === 0);
  }

  /** Events tell which tasks run: an attempt's end is told by the reason of its end, of which there are many. */
  add(event: EventLine, now: number): void {
    if (event.task === undefined) return;
    if (event.reason === 'AttemptStarted') this.#running.set(event.task, now);
    else if (event.attempt !== undefined && !GOES_ON.has(event.reason)) this.#running.delete(event.task);
  }

  lines(now: number, columns: number, colors: Paint): string[] {
    const workflow = this.#workflow;
    if (workflow === undefined) return [];
    const lines = [this.#headline(workflow, now, columns, colors)];
    const running = [...this.#running];
    for (const [task, since] of running.slice(0, MAX_RUNNING_SHOWN)) {
      lines.push(clip(`  ${oneLine(task)}  ${shortDuration(now - since)}`, columns - 1));
    }
    if (running.length > MAX_RUNNING_SHOWN) lines.push(`  … and ${running.length - MAX_RUNNING_SHOWN} more`);
    return lines;
  }

  #headline(workflow: Workflow, now: number, columns: number, colors: Paint): string {
    const { status, metadata } = workflow;
    const counts = status?.counts ?? {};
    const parts = [status?.progress ?? '0/0'];
    for (const phase of ['Running', 'Queued', 'Failed'] as const) {
      const count = counts[phase] ?? 0;
      if (count > 0) parts.push(`${count} ${phase.toLowerCase()}`);
    }
    const rate = this.#ratePerSecond(now);
    if (rate > 0) parts.push(rateText(rate));
    const left = this.estimateMs(now);
    if (left !== undefined) parts.push(`about ${shortDuration(left)} left`);
    const phase = status?.phase ?? 'Pending';
    const plain = clip(parts.join(', '), Math.max(10, columns - metadata.name.length - phase.length - 4));
    return `${colors.bold(oneLine(metadata.name))}  ${paintPhase(colors, phase)}  ${plain}`;
  }

  /** Milliseconds until the end if it goes on like this; undefined where that cannot be known. */
  estimateMs(now: number): number | undefined {
    const { finished, total } = this.#totals();
    const rate = this.#ratePerSecond(now);
    const first = this.#samples[0];
    if (first === undefined || finished - first.finished < MIN_FINISHED_FOR_ESTIMATE || rate <= 0) return undefined;
    return finished >= total ? undefined : ((total - finished) / rate) * 1000;
  }

  #ratePerSecond(now: number): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now <= first.at) return 0;
    return ((last.finished - first.finished) / (now - first.at)) * 1000;
  }

  #totals(): { readonly finished: number; readonly total: number } {
    const counts = this.#workflow?.status?.counts ?? {};
    let finished = 0;
    let total = 0;
    for (const [phase, count] of Object.entries(counts)) {
      if (!/^(Pending|Ready|Queued|Running|Succeeded|Failed|Skipped|Cancelled)$/.test(phase)) continue;
      total += count;
      if (/^(Succeeded|Failed|Skipped|Cancelled)$/.test(phase)) finished += count;
    }
    return { finished, total };
  }
}

function rateText(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  const perMinute = perSecond * 60;
  return perMinute >= 1 ? `${perMinute.toFixed(1)}/min` : `${(perMinute * 60).toFixed(1)}/h`;
}
