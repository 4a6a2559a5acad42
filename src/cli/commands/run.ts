import type { Workflow } from '../../apis/workflow.ts';
import type { Home, Verb, WorkflowRef } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { type LoadedDocument, loadAll, onlyDocument } from '../documents.ts';
import { EXIT, orExit } from '../exit-code.ts';
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
  const opened = await openRunHome(context, file, follow);
  try {
    return await new Run(context, opened, one, format === 'json').execute(follow);
  } finally {
    await opened.close();
  }
}

class Run {
  readonly #context: CommandContext;
  readonly #opened: RunHome;
  readonly #loaded: LoadedDocument;
  readonly #json: boolean;
  readonly #ref: WorkflowRef;
  readonly #requests = new Set<string>();
  #approvedGeneration = -1;

  constructor(context: CommandContext, opened: RunHome, loaded: LoadedDocument, json: boolean) {
    this.#context = context;
    this.#opened = opened;
    this.#loaded = loaded;
    this.#json = json;
    const { name, namespace } = loaded.document.metadata;
    this.#ref = { name, namespace: namespace ?? context.namespace };
  }

  get #home(): Home {
    return this.#opened.home;
  }

  async execute(follow: boolean): Promise<number> {
    const { io } = this.#context;
    const { resourceVersion } = await this.#home.list(this.#ref.namespace);
    const applied = await this.#apply();
    await this.#askAgain(applied);
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
        atRest: (rest, workflow) => this.#approve(rest.kind, workflow, interruption.interrupted),
      });
      return await this.#conclude(followed, view, interruption);
    } finally {
      await interruption.settle();
      await view.end();
    }
  }

  async #apply(): Promise<Workflow> {
    const result = await this.#home.apply(this.#loaded.document, { look: true });
    const { workflow, warnings } = await orExitLocated(
      this.#context.io,
      result,
      this.#loaded,
      this.#json ? 'json' : undefined,
    );
    await showDiagnostics(this.#context.io, warnings.map(this.#loaded.locate), undefined);
    return workflow;
  }

  /** A person who runs a file wants it done: failed tasks get another chance, with `--fresh` everything does. */
  async #askAgain(workflow: Workflow): Promise<void> {
    if (this.#context.flag('fresh')) await this.#request('reset');
    else if (this.#context.flagOr('retry', true) && mayHaveFailed(workflow)) await this.#request('retry');
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
    const id = `cli-${this.#context.io.newId()}`;
    this.#requests.add(id);
    orExit(await this.#home.request(this.#ref, { id, verb }));
  }

  async #conclude(followed: Followed, view: RunView, interruption: Interruption): Promise<number> {
    const { io } = this.#context;
    await interruption.settle();
    await view.end();
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
      await io.stderr.write(`fixpoint: suspended; to go on: \`fixpoint resume ${this.#ref.name}\`.\n`);
    }
    if (this.#json) await io.stdout.write(`${JSON.stringify(workflow)}\n`);
    return interruption.interrupted && rest.exitCode !== EXIT.done ? EXIT.interrupted : rest.exitCode;
  }
}

const ENDS = {
  Left: { text: 'left. Running attempts live on; run the same command again to go on.', exitCode: EXIT.interrupted },
  Deleted: { text: 'it was deleted.', exitCode: EXIT.failed },
  ServerStopped: { text: 'the daemon stopped. Running attempts live on.', exitCode: EXIT.unreachable },
} as const;

/** Only a status of this generation that counts no failure and nothing cancelled leaves nothing to retry. */
function mayHaveFailed({ status, metadata }: Workflow): boolean {
  if (status === undefined || status.observedGeneration < metadata.generation) return true;
  return (status.counts['Failed'] ?? 0) + (status.counts['Cancelled'] ?? 0) > 0;
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
