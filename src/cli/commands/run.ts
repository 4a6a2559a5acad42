import type { Workflow } from '../../apis/workflow.ts';
import type { Home, Verb, VerbRequest, WorkflowRef } from '../../controllers/home.ts';
import type { Reached } from '../../controllers/launch-scope.ts';
import type { CommandContext } from '../command.ts';
import { type LoadedDocument, loadAll, onlyDocument } from '../documents.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';
import { type Followed, followRun } from '../follow-run.ts';
import { Interruption } from '../interruption.ts';
import { openRunView, type RunView } from '../live-view.ts';
import { applyParams } from '../local-check.ts';
import { countsText } from '../render/describe.ts';
import { harmless } from '../render/terminal-text.ts';
import { orExitLocated, showDiagnostics, stopAtErrors } from '../report.ts';
import { openRunHome, type RunHome } from '../run-home.ts';

/** Apply, ask for failed tasks to be tried again, and follow until nothing moves any more. */
export async function run(context: CommandContext): Promise<number> {
  const file = context.words[0] ?? '';
  const format = context.oneOf('output', ['json']);
  const follow = context.flagOr('follow', true);
  const loaded = await loadAll(context.io, [file], { namespace: context.text('namespace') });
  await stopAtErrors(context.io, loaded.diagnostics, format);
  const one = await applyParams(context, onlyDocument(loaded, file));
  if (!follow && context.list('until').length > 0)
    throw usage('--until is a wish of this run alone; with --follow=false there is nobody to have it');
  const { name, namespace } = one.document.metadata;
  const ref = { name, namespace: namespace ?? context.namespace };
  const opened = await openRunHome(context, { ref, file, follow });
  try {
    return await new Run(context, opened, one, ref).execute(follow);
  } finally {
    await opened.close();
  }
}

class Run {
  readonly #context: CommandContext;
  readonly #opened: RunHome;
  readonly #loaded: LoadedDocument;
  readonly #json: boolean;
  /** Keys and globs; none: everything. */
  readonly #until: readonly string[];
  readonly #ref: WorkflowRef;
  readonly #requests = new Set<string>();
  #approvedGeneration = -1;

  constructor(context: CommandContext, opened: RunHome, loaded: LoadedDocument, ref: WorkflowRef) {
    this.#context = context;
    this.#opened = opened;
    this.#loaded = loaded;
    this.#json = context.text('output') === 'json';
    this.#until = context.list('until');
    this.#ref = ref;
  }

  get #home(): Home {
    return this.#opened.home;
  }

  async execute(follow: boolean): Promise<number> {
    const { io } = this.#context;
    const { resourceVersion } = await this.#home.list(this.#ref.namespace);
    const before = await this.#home.get(this.#ref);
    const request = this.#requestBefore(before.ok ? before.value : undefined);
    const applied = await this.#apply(request);
    // Records of a deleted workflow come back with its name: only now can it be seen that they hold failures.
    if (!before.ok && request === undefined && this.#retries && hasFailed(applied)) await this.#request('retry');
    if (!follow) {
      await io.stderr.write(
        `fixpoint: ${this.#ref.name} submitted.${this.#opened.ours ? ' A daemon or `fixpoint run` will carry it out.' : ''}\n`,
      );
      if (this.#json) await io.stdout.write(`${JSON.stringify(applied)}\n`);
      return EXIT.done;
    }
    const view = openRunView(io, this.#json);
    const interruption = new Interruption(io, this.#opened, this.#ref, {
      say: (text) => view.say(text),
      requests: this.#requests,
    });
    try {
      const followed = await followRun({
        home: this.#home,
        ref: this.#ref,
        view,
        after: resourceVersion,
        requests: this.#requests,
        signal: interruption.left,
        reached: () => this.#reached !== 'Moving',
        atRest: (rest, workflow) => this.#approve(rest.kind, workflow, interruption.interrupted),
      });
      return await this.#conclude(followed, view, interruption);
    } finally {
      await interruption.settle();
      await view.end();
    }
  }

  async #apply(request: VerbRequest | undefined): Promise<Workflow> {
    const result = await this.#home.apply(this.#loaded.document, {
      look: true,
      ...(request === undefined ? {} : { request }),
      ...(this.#until.length === 0 ? {} : { until: this.#until }),
    });
    const { workflow, warnings } = await orExitLocated(
      this.#context.io,
      result,
      this.#loaded,
      this.#json ? 'json' : undefined,
    );
    await showDiagnostics(this.#context.io, warnings.map(this.#loaded.locate), undefined);
    return workflow;
  }

  get #retries(): boolean {
    return this.#context.flagOr('retry', true);
  }

  get #reached(): Reached {
    return this.#until.length === 0 ? 'Moving' : (this.#opened.reached?.(this.#ref) ?? 'Moving');
  }

  /**
   * A person who runs a file wants it done: failed tasks get another chance, with `--fresh` everything does. Asked
   * together with the document, so that nothing is launched that the request would cancel again.
   */
  #requestBefore(before: Workflow | undefined): VerbRequest | undefined {
    if (this.#context.flag('fresh')) return this.#newRequest('reset');
    return this.#retries && before !== undefined && mayHaveFailed(before) ? this.#newRequest('retry') : undefined;
  }

  #newRequest(verb: Verb): VerbRequest {
    const id = `cli-${this.#context.io.newId()}`;
    this.#requests.add(id);
    const about = verb === 'reset' || verb === 'retry';
    if (!about || this.#until.length === 0) return { id, verb };
    // Others are left as they are.
    const only = verb === 'reset' ? { only: true } : {};
    return { id, verb, tasks: this.#until, ancestors: true, ...only };
  }

  async #approve(rest: string, workflow: Workflow, interrupted: boolean): Promise<boolean> {
    const { generation } = workflow.metadata;
    if (rest !== 'ApprovalRequired' || interrupted || !this.#context.flag('yes')) return false;
    // Once for a generation: a home that still holds it has a reason that we do not see.
    if (this.#approvedGeneration === generation) return false;
    this.#approvedGeneration = generation;
    await this.#request('approve');
    return true;
  }

  async #request(verb: Verb): Promise<void> {
    orExit(await this.#home.request(this.#ref, this.#newRequest(verb)));
  }

  async #conclude(followed: Followed, view: RunView, interruption: Interruption): Promise<number> {
    const { io } = this.#context;
    await interruption.settle();
    await view.end();
    if (followed.kind === 'Reached') return this.#concludeReached(followed.workflow);
    if (followed.kind !== 'Rest') {
      const { text, exitCode } = ENDS[followed.kind];
      await io.stderr.write(`fixpoint: ${this.#ref.name}: ${text}\n`);
      return exitCode;
    }
    const { workflow, rest } = followed;
    await io.stderr.write(summary(workflow));
    if (rest.kind === 'ApprovalRequired') {
      await io.stderr.write(
        `fixpoint: held until approved: \`fixpoint approve ${this.#ref.name}\`, or run again with --yes.\n`,
      );
    } else if (rest.kind === 'Suspended' && !interruption.interrupted) {
      const how =
        workflow.spec.suspend === true
          ? 'take `suspend: true` out of its spec'
          : `\`fixpoint resume ${this.#ref.name}\``;
      await io.stderr.write(`fixpoint: suspended; to go on: ${how}.\n`);
    }
    await this.#last(workflow);
    return interruption.interrupted && rest.exitCode !== EXIT.done ? EXIT.interrupted : rest.exitCode;
  }

  async #concludeReached(workflow: Workflow): Promise<number> {
    const well = this.#reached === 'Succeeded';
    const text = `${this.#until.join(', ')} and all upstream ${well ? 'done' : 'final, not all well'}; the rest was left as it is.`;
    await this.#context.io.stderr.write(`${summary(workflow)}fixpoint: ${harmless(text)}\n`);
    await this.#last(workflow);
    return well ? EXIT.done : EXIT.failed;
  }

  async #last(workflow: Workflow): Promise<void> {
    if (this.#json) await this.#context.io.stdout.write(`${JSON.stringify(workflow)}\n`);
  }
}

const ENDS = {
  Left: { text: 'left. Running attempts live on; run the same command again to go on.', exitCode: EXIT.interrupted },
  Deleted: { text: 'it was deleted.', exitCode: EXIT.failed },
  ServerStopped: { text: 'the daemon stopped. Running attempts live on.', exitCode: EXIT.unreachable },
} as const;

/** Only a status of this generation that counts no failure and nothing cancelled leaves nothing to retry. */
function hasFailed({ status, metadata }: Workflow): boolean {
  if (status === undefined || status.observedGeneration < metadata.generation) return true;
  return (status.counts['Failed'] ?? 0) + (status.counts['Cancelled'] ?? 0) > 0;
}

/** While a workflow moves its counts are written once a second: a failure just before it was left may be missing. */
function mayHaveFailed(workflow: Workflow): boolean {
  const phase = workflow.status?.phase;
  return hasFailed(workflow) || phase === 'Running' || phase === 'Pending';
}

function summary(workflow: Workflow): string {
  const { status, metadata } = workflow;
  const message = status?.message === undefined || status.message === '' ? '' : ` ${status.message}`;
  const lines = [
    `${metadata.name}: ${status?.phase ?? 'Pending'} (${status?.reason ?? ''}), ${countsText(status?.counts ?? {})}.${message}`,
  ];
  for (const failing of status?.failing ?? []) {
    const exit = failing.exitCode === undefined ? '' : `, exit code ${failing.exitCode}`;
    lines.push(`  failed: ${failing.name} (${failing.reason}${exit})`);
  }
  return `${harmless(lines.join('\n'))}\n`;
}
