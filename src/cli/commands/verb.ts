import { parseLabelSelector } from '../../base/label-selector.ts';
import { VERBS, type Verb, type VerbRequest } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { connect, noteRecorded } from '../connect.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';

/** `suspend`, `retry`, …: each is one durable request with an id of its own. */
export async function run(context: CommandContext): Promise<number> {
  const ref = context.workflow();
  const request = requestOf(context);
  const connection = await connect(context.io, context.where, 'write');
  try {
    orExit(await connection.home.request(ref, request));
    await context.io.stdout.write(`workflow.fixpoint.dev/${ref.name} ${request.verb} requested\n`);
    await noteRecorded(context.io, connection);
    return EXIT.done;
  } finally {
    await connection.close();
  }
}

/** By hand, for one thing at a time: a forgotten task name must not finish a whole workflow. */
const NEED_TASKS: readonly Verb[] = ['complete', 'fail'];

function requestOf(context: CommandContext): VerbRequest {
  const verb = VERBS.find((known) => known === context.name);
  if (verb === undefined) throw usage(`${context.name}: no such request`);
  const tasks = context.words.slice(1);
  const selector = context.text('selector');
  if (selector !== undefined) {
    const parsed = parseLabelSelector(selector);
    if (!parsed.ok) throw usage(`-l: ${parsed.error}`);
  }
  if (NEED_TASKS.includes(verb) && tasks.length === 0 && selector === undefined) {
    throw usage(`${verb}: which tasks? Name them, or use -l; '**' means all`);
  }
  return {
    id: `cli-${context.io.newId()}`,
    verb,
    ...(tasks.length === 0 ? {} : { tasks }),
    ...(selector === undefined ? {} : { selector }),
    ...(context.flag('ancestors') ? { ancestors: true } : {}),
    ...(context.flag('only') ? { only: true } : {}),
    ...(context.flag('force') ? { force: true } : {}),
  };
}
