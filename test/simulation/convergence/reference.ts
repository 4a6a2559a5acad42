import { computed, type Model, type ModelTask, makersOf, PARTIAL, type ScriptFile } from './model.ts';

/**
 * Which tasks must run, by DESIGN section 4, language.md section 7 and seeds.md 5.3 to 5.5, task by task in the order
 * of the graph. It keeps a world of its own (contents of files, and what each attempt has aside), never looks at the
 * planner, and is slow and plain on purpose.
 */
export interface Round {
  /** Tasks that ran, with what differs from before. */
  readonly ran: ReadonlyMap<string, Why>;
  readonly phases: ReadonlyMap<string, Phase>;
}

export interface Why {
  /** All that differs: each of these must be told. */
  readonly causes: readonly Cause[];
  /** The outputs of the last result are not in place either: that may be told as well. */
  readonly outputsGone: boolean;
}

export type Phase = 'Succeeded' | 'Failed' | 'Skipped';
/** `New`: never ran before, so there is nothing to tell. */
export type Cause =
  | 'New'
  | 'Command'
  | 'Params'
  | 'Script'
  | 'Inputs'
  | 'Mentions'
  | 'Upstream'
  | 'Outputs'
  | 'Handling';

interface Parts {
  readonly command: string;
  readonly params: string;
  readonly script: string;
  readonly inputs: string;
  readonly mentions: string;
  readonly broad: string;
}

interface Attempt {
  readonly uid: number;
  readonly parts: Parts;
  readonly key: string;
  readonly succeeded: boolean;
  readonly handling: string;
  readonly made: ReadonlyMap<string, string>;
  readonly aside: Map<string, string>;
}

interface WorldFile {
  readonly content: string;
  /** Who made what lies here, also when a hand changed it since. */
  readonly maker: Attempt | undefined;
}

export class Reference {
  readonly world = new Map<string, WorldFile>();
  readonly scripts = new Map<string, ScriptFile>();
  #attempts = new Map<string, Attempt[]>();
  #uids = 0;

  write(path: string, content: string): void {
    this.world.set(path, { content, maker: this.world.get(path)?.maker });
  }

  content(path: string): string | undefined {
    return this.world.get(path)?.content;
  }

  /** A changed document is applied and everything comes to rest. */
  converge(model: Model): Round {
    const ran = new Map<string, Why>();
    const phases = new Map<string, Phase>();
    const standing = new Map<string, Attempt>();
    const removed = new Map([...this.#attempts].filter(([name]) => !model.tasks.some((task) => task.name === name)));
    for (const task of inOrder(model)) {
      const upstreams = upstreamsOf(task, model);
      if (upstreams.some((name) => phases.get(name) !== 'Succeeded')) {
        phases.set(task.name, 'Skipped');
        continue;
      }
      if (task.flavour === 'Gate') {
        phases.set(task.name, 'Succeeded');
        continue;
      }
      const parts = this.#partsOf(task, model, standing);
      const key = JSON.stringify(parts);
      const kept = this.#kept(task, key, removed);
      if (kept) {
        standing.set(task.name, kept);
        phases.set(task.name, 'Succeeded');
        continue;
      }
      const before = this.#attempts.get(task.name) ?? [];
      const last = before.at(-1);
      if (last && !last.succeeded && last.key === key && last.handling === handlingOf(task)) {
        phases.set(task.name, 'Failed');
        continue;
      }
      const result = before.findLast((attempt) => attempt.succeeded);
      const outputsGone = result !== undefined && !this.#stands(result, before);
      ran.set(task.name, { causes: causesOf(before, parts, key), outputsGone });
      const attempt = this.#run(task, model, parts, key);
      if (attempt.succeeded) standing.set(task.name, attempt);
      phases.set(task.name, attempt.succeeded ? 'Succeeded' : 'Failed');
    }
    for (const name of removed.keys()) this.#attempts.delete(name);
    return { ran, phases };
  }

  #partsOf(task: ModelTask, model: Model, standing: ReadonlyMap<string, Attempt>): Parts {
    const read = (path: string): string => this.content(path) ?? 'absent';
    const { flavour, salt, cosmetic, fails, sleep, label, outputs, params, script } = task;
    const forms = {
      inputs: task.inputs.map(({ name }) => name),
      mentions: task.mentions.length,
      params: params.length,
    };
    return {
      command: JSON.stringify({
        flavour,
        salt,
        cosmetic,
        fails,
        sleep,
        label,
        outputs,
        script,
        forms,
        setup: model.setup,
      }),
      params: JSON.stringify(params.map((name) => model.params[name])),
      script: JSON.stringify(script === undefined ? [] : this.scripts.get(script)),
      inputs: JSON.stringify(task.inputs.map(({ name, paths }) => [name, paths.map(read)])),
      mentions: JSON.stringify(mentionedPaths(task, model).map(read)),
      broad: JSON.stringify([...broadUids(task, model, standing)].sort((a, b) => a - b)),
    };
  }

  /** A result that stands, was only moved aside, or belongs to a task that was called otherwise. */
  #kept(task: ModelTask, key: string, removed: Map<string, Attempt[]>): Attempt | undefined {
    const attempts = this.#attempts.get(task.name) ?? [];
    const stands = attempts.findLast((attempt) => attempt.key === key && this.#stands(attempt, attempts));
    if (stands) return stands;
    const aside = attempts.findLast((attempt) => attempt.key === key && this.#restorable(attempt));
    if (aside) {
      this.#restore(aside);
      return aside;
    }
    if (attempts.length > 0) return undefined;
    const same = [...removed].flatMap(([name, old]) => {
      const result = old.findLast((attempt) => attempt.key === key && this.#stands(attempt, old));
      return result ? [{ name, old, result }] : [];
    });
    const [only] = same;
    if (same.length !== 1 || !only) return undefined;
    removed.delete(only.name);
    this.#attempts.delete(only.name);
    this.#attempts.set(task.name, only.old);
    return only.result;
  }

  #stands(attempt: Attempt, attempts: readonly Attempt[]): boolean {
    if (!attempt.succeeded) return false;
    if (attempt.made.size === 0) return attempts.at(-1) === attempt;
    return [...attempt.made].every(([path, content]) => this.content(path) === content);
  }

  #restorable(attempt: Attempt): boolean {
    if (!attempt.succeeded || attempt.made.size === 0) return false;
    return [...attempt.made].every(([path, content]) => (attempt.aside.get(path) ?? this.content(path)) === content);
  }

  #restore(attempt: Attempt): void {
    for (const [path, content] of attempt.aside) {
      this.#moveAside(path);
      this.world.set(path, { content, maker: attempt });
    }
    attempt.aside.clear();
  }

  #moveAside(path: string): void {
    const file = this.world.get(path);
    file?.maker?.aside.set(path, file.content);
    this.world.delete(path);
  }

  /** All attempts that its retries allow, since what fails here fails again. */
  #run(task: ModelTask, model: Model, parts: Parts, key: string): Attempt {
    const attempts = this.#attempts.get(task.name) ?? [];
    this.#attempts.set(task.name, attempts);
    for (let tries = task.fails === 'No' ? 1 : 1 + task.retry; ; tries--) {
      for (const output of task.outputs) this.#moveAside(output.path);
      const attempt = this.#attempt(task, model, parts, key);
      attempts.push(attempt);
      if (attempt.succeeded) for (const earlier of attempts) earlier.aside.clear();
      if (tries === 1) return attempt;
    }
  }

  #attempt(task: ModelTask, model: Model, parts: Parts, key: string): Attempt {
    const paths = [...task.inputs.flatMap((input) => input.paths), ...mentionedPaths(task, model)];
    const read = paths.map((path) => this.content(path) ?? '');
    const script = task.script === undefined ? undefined : this.scripts.get(task.script);
    const succeeded = task.fails === 'No';
    const made = succeeded ? computed(task, model, read, script) : new Map<string, string>();
    const common = { uid: ++this.#uids, parts, key, succeeded, handling: handlingOf(task) };
    const attempt: Attempt = { ...common, made, aside: new Map() };
    for (const [path, content] of made) this.world.set(path, { content, maker: attempt });
    const first = task.outputs[0];
    if (task.fails === 'Late' && first) this.world.set(first.path, { content: PARTIAL, maker: attempt });
    return attempt;
  }
}

/** Changes that a failed task notices and a finished one does not. */
function handlingOf(task: ModelTask): string {
  return JSON.stringify({ cpu: task.cpu, retry: task.retry });
}

function causesOf(before: readonly Attempt[], parts: Parts, key: string): Cause[] {
  const old = before.findLast((attempt) => attempt.succeeded) ?? before.at(-1);
  if (!old) return ['New'];
  // The result of this very key is there no more, or a failure is tried again.
  if (old.key === key) return [old.succeeded ? 'Outputs' : 'Handling'];
  const names = [
    ['command', 'Command'],
    ['params', 'Params'],
    ['script', 'Script'],
    ['inputs', 'Inputs'],
    ['mentions', 'Mentions'],
    ['broad', 'Upstream'],
  ] as const;
  return names.filter(([part]) => old.parts[part] !== parts[part]).map(([, cause]) => cause);
}

function inOrder(model: Model): ModelTask[] {
  return [...model.tasks].sort((a, b) => a.rank - b.rank);
}

export function upstreamsOf(task: ModelTask, model: Model): string[] {
  const makers = makersOf(model);
  const made = task.inputs.flatMap(({ paths }) => paths.flatMap((path) => makers.get(path)?.name ?? []));
  return [...new Set([...made, ...task.mentions.map((m) => m.task), ...task.dependsOn, ...task.after])];
}

function mentionedPaths(task: ModelTask, model: Model): string[] {
  return task.mentions.map(({ task: name, output }) => {
    const upstream = model.tasks.find((other) => other.name === name);
    return upstream?.outputs.find((o) => o.name === output)?.path ?? '';
  });
}

/** Results that broad edges stand for; a gate passes on those of its own upstreams. */
function broadUids(task: ModelTask, model: Model, standing: ReadonlyMap<string, Attempt>): Set<number> {
  const uids = new Set<number>();
  const pending = [...task.dependsOn];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const upstream = model.tasks.find((other) => other.name === name);
    if (upstream?.flavour === 'Gate') pending.push(...upstream.dependsOn);
    const attempt = standing.get(name);
    if (attempt) uids.add(attempt.uid);
  }
  return uids;
}
