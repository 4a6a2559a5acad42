import { matchesLabels } from '../../base/label-selector.ts';
import type { WorkflowRef } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { type Connection, connect, noteRecorded } from '../connect.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';
import { stopAtErrors } from '../report.ts';
import { selectorOf } from './get-workflows.ts';

export async function run(context: CommandContext): Promise<number> {
  const named = await namedOnes(context);
  const connection = await connect(context.io, context.where, 'write');
  try {
    const refs = named ?? (await selectedOnes(context, connection));
    for (const ref of refs) {
      const deleted = await connection.home.delete(ref);
      const gone = !deleted.ok && deleted.error.reason === 'NotFound' && context.flag('ignoreNotFound');
      if (gone) continue;
      orExit(deleted);
      await context.io.stdout.write(`workflow.fixpoint.dev/${ref.name} deleted\n`);
    }
    if (refs.length === 0) await context.io.stderr.write('No workflows found.\n');
    else await noteRecorded(context.io, connection);
    return EXIT.done;
  } finally {
    await connection.close();
  }
}

/** By name or by file; undefined: by label. Exactly one way must be given, so that nothing is deleted by accident. */
async function namedOnes(context: CommandContext): Promise<readonly WorkflowRef[] | undefined> {
  // `delete workflow NAME`, as kubectl spells it, when more than one word is given.
  const words =
    /^(workflows?|fwf)$/.test(context.words[0] ?? '') && context.words.length > 1
      ? context.words.slice(1)
      : context.words;
  const files = context.list('filename');
  const selector = context.text('selector');
  const ways = [words.length > 0, files.length > 0, selector !== undefined && selector !== ''].filter(Boolean);
  if (ways.length !== 1) throw usage('delete: give names, or -f, or -l');
  if (words.length > 0) return words.map((name) => ({ namespace: context.namespace, name }));
  if (files.length === 0) return undefined;
  const { loadAll } = await import('../documents.ts');
  const loaded = await loadAll(context.io, files, {
    recursive: context.flag('recursive'),
    namespace: context.text('namespace'),
  });
  await stopAtErrors(context.io, loaded.diagnostics, undefined);
  return loaded.documents.map(({ document: { metadata } }) => ({
    namespace: metadata.namespace ?? context.namespace,
    name: metadata.name,
  }));
}

async function selectedOnes(context: CommandContext, connection: Connection): Promise<readonly WorkflowRef[]> {
  const selector = selectorOf(context);
  const { items } = await connection.home.list(context.namespace);
  return items
    .filter((item) => matchesLabels(selector, item.metadata.labels))
    .map(({ metadata: { namespace, name } }) => ({ namespace, name }));
}
