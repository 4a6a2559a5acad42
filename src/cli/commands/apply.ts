import type { Applied } from '../../controllers/home.ts';
import type { CommandContext } from '../command.ts';
import { connect, noteRecorded } from '../connect.ts';
import { type LoadedDocument, loadAll } from '../documents.ts';
import { EXIT, usage } from '../exit-code.ts';
import { applyParams } from '../local-check.ts';
import { printValue } from '../output.ts';
import { orExitLocated, showDiagnostics, stopAtErrors } from '../report.ts';

/** Nothing is applied unless every file can be read: half a folder would be a state that nobody wrote. */
export async function run(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', ['name', 'json', 'yaml']);
  const files = context.list('filename');
  if (files.length === 0) throw usage('apply: which file? -f FILE');
  const loaded = await loadAll(context.io, files, {
    recursive: context.flag('recursive'),
    namespace: context.text('namespace'),
  });
  await stopAtErrors(context.io, loaded.diagnostics, format);
  if (loaded.documents.length === 0) throw usage('no Workflow in the files');
  const documents: LoadedDocument[] = [];
  for (const document of loaded.documents) documents.push(await applyParams(context, document));
  const connection = await connect(context.io, context.where, 'write');
  try {
    for (const one of documents) {
      const result = await connection.home.apply(one.document, { dryRun: context.flag('dryRun') });
      const applied = await orExitLocated(context.io, result, one, format);
      await showDiagnostics(context.io, applied.warnings.map(one.locate), undefined);
      await show(context, format, applied);
    }
    if (!context.flag('dryRun')) await noteRecorded(context.io, connection);
    return EXIT.done;
  } finally {
    await connection.close();
  }
}

async function show(
  context: CommandContext,
  format: 'name' | 'json' | 'yaml' | undefined,
  { workflow, outcome }: Applied,
): Promise<void> {
  if (format === 'json' || format === 'yaml') return printValue(context.io, format, workflow);
  const name = `workflow.fixpoint.dev/${workflow.metadata.name}`;
  const suffix = context.flag('dryRun') ? ' (dry run)' : '';
  await context.io.stdout.write(format === 'name' ? `${name}\n` : `${name} ${outcome.toLowerCase()}${suffix}\n`);
}
