import type { EventLine } from '../apis/task-view.ts';
import type { Workflow } from '../apis/workflow.ts';
import { type Io, wantsColor } from './io.ts';
import { type Paint, paint } from './render/color.ts';
import { eventJson, renderEvent } from './render/event-line.ts';
import { Progress } from './render/progress.ts';

/** Where a run shows what happens. Three kinds: lines of JSON, lines of text, a live block on a terminal. */
export interface RunView {
  event(event: EventLine): Promise<void>;
  workflow(workflow: Workflow): Promise<void>;
  /** Text that stays, whole lines. */
  say(text: string): Promise<void>;
  /** Takes the block away; nothing is drawn after. */
  end(): Promise<void>;
}

export function openRunView(io: Io, json: boolean): RunView {
  if (json) return jsonView(io);
  const colors = paint(wantsColor(io, io.stderr));
  return io.stderr.isTerminal ? new LiveView(io, colors) : plainView(io, colors);
}

function jsonView(io: Io): RunView {
  return {
    event: (event) => io.stdout.write(eventJson(event)),
    workflow: async () => undefined,
    say: (text) => io.stderr.write(text),
    end: async () => undefined,
  };
}

function plainView(io: Io, colors: Paint): RunView {
  return {
    event: (event) => io.stderr.write(renderEvent(event, colors)),
    workflow: async () => undefined,
    say: (text) => io.stderr.write(text),
    end: async () => undefined,
  };
}

/** More often than this no eye can follow, and a slow terminal would hold up the run. */
const REDRAW_MS = 100;

const ESC = '\u001b[';

/**
 * A block of a few lines at the bottom of the terminal, drawn again when something changed, at most ten times a
 * second. What stays (warnings, messages) is printed above it. Ordinary events only feed the block.
 */
class LiveView implements RunView {
  readonly #io: Io;
  readonly #colors: Paint;
  readonly #progress = new Progress();
  #drawn = 0;
  #cancelTimer: (() => void) | undefined;
  #ended = false;

  constructor(io: Io, colors: Paint) {
    this.#io = io;
    this.#colors = colors;
  }

  async event(event: EventLine): Promise<void> {
    this.#progress.add(event, this.#io.clock.now());
    if (event.type === 'Warning') await this.say(renderEvent(event, this.#colors));
    this.#schedule();
  }

  async workflow(workflow: Workflow): Promise<void> {
    this.#progress.see(workflow, this.#io.clock.now());
    this.#schedule();
  }

  async say(text: string): Promise<void> {
    await this.#io.stderr.write(this.#erase() + text);
    this.#schedule();
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#cancelTimer?.();
    await this.#io.stderr.write(this.#erase());
  }

  #schedule(): void {
    if (this.#ended || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#io.clock.after(REDRAW_MS, () => {
      this.#cancelTimer = undefined;
      void this.#draw();
    });
  }

  async #draw(): Promise<void> {
    if (this.#ended) return;
    const lines = this.#progress.lines(this.#io.clock.now(), this.#io.stderr.columns(), this.#colors);
    const text = this.#erase() + lines.map((line) => `${line}\n`).join('');
    this.#drawn = lines.length;
    await this.#io.stderr.write(text);
    // Running times go on even when nothing happens.
    if (lines.length > 1) this.#schedule();
  }

  #erase(): string {
    const text = this.#drawn === 0 ? '' : `${ESC}${this.#drawn}A${ESC}0J`;
    this.#drawn = 0;
    return text;
  }
}
