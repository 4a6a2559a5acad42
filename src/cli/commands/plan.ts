import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Plan } from '../../apis/task-view.ts';
import type { CommandContext } from '../command.ts';
import { configOf } from '../config.ts';
import { type Connection, connect, connectTo } from '../connect.ts';
import { loadAll, onlyDocument } from '../documents.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';
import { wantsColor } from '../io.ts';
import { applyParams } from '../local-check.ts';
import { findPlace, STATE_FOLDER } from '../locate-state.ts';
import { openHome } from '../open-home.ts';
import { printValue } from '../output.ts';
import { paint } from '../render/color.ts';
import { hasChanges, renderPlan } from '../render/plan.ts';
import { orExitLocated, stopAtErrors } from '../report.ts';
import { isFolder } from '../state-folder.ts';

/** «There is something to do», as Terraform's detailed exit code has it. */
const EXIT_CHANGES = 2;

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const format = context.oneOf('output', ['json']);
  const plan = await planOf(context, format);
  if (format === 'json') await printValue(io, 'json', plan);
  else await io.stdout.write(renderPlan(plan, paint(wantsColor(io, io.stdout))));
  return hasChanges(plan) ? EXIT_CHANGES : EXIT.done;
}

async function planOf(context: CommandContext, format: 'json' | undefined): Promise<Plan> {
  const files = context.list('filename');
  const options = { changesOnly: format !== 'json' };
  if (files.length + context.words.length !== 1) throw usage('plan: give a workflow, or -f FILE');
  const [file] = files;
  if (file === undefined) {
    const connection = await connect(context.io, context.where, 'read');
    try {
      return orExit(await connection.home.plan(context.workflow(), options));
    } finally {
      await connection.close();
    }
  }
  const loaded = await loadAll(context.io, files, { namespace: context.text('namespace') });
  await stopAtErrors(context.io, loaded.diagnostics, format);
  const one = await applyParams(context, onlyDocument(loaded, file));
  const connection = await connectionFor(context, file);
  try {
    return await orExitLocated(context.io, await connection.home.plan(one.document, options), one, format);
  } finally {
    await connection.close();
  }
}

/** Where `run` would go: what was named, else beside the file; without a state there everything is new. */
async function connectionFor(context: CommandContext, file: string): Promise<Connection> {
  const { io } = context;
  const beside = join(file === '-' ? io.cwd : dirname(resolve(io.cwd, file)), STATE_FOLDER);
  const place = await findPlace(context.where, io.env, io.cwd);
  if (place.ok && place.value.kind === 'cluster') return connectTo(io, place.value, 'read');
  const named =
    context.text('server') ?? context.text('state') ?? io.env['FIXPOINT_SERVER'] ?? io.env['FIXPOINT_STATE'];
  if (named !== undefined && named !== '' && place.ok) {
    if (place.value.kind !== 'state' || (await isFolder(place.value.dir))) return connectTo(io, place.value, 'read');
  } else if (await isFolder(beside)) return connectTo(io, { kind: 'state', dir: beside }, 'read');
  const stateDir = await mkdtemp(join(tmpdir(), 'fixpoint-plan-'));
  const { backends } = await configOf(io, undefined, beside);
  const home = await openHome({ stateDir, passive: true, backends });
  return {
    home,
    through: 'files',
    stateDir,
    close: async () => {
      await home.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
