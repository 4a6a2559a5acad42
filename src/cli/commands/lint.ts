import type { LocatedDiagnostic } from '../../apis/diagnostic.ts';
import type { CommandContext } from '../command.ts';
import { loadAll } from '../documents.ts';
import { EXIT, usage } from '../exit-code.ts';
import { applyParams, buildLocally } from '../local-check.ts';
import { hasErrors, showDiagnostics } from '../report.ts';

export async function run(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', ['json']);
  const loaded = await loadAll(context.io, context.words, { recursive: context.flag('recursive') });
  if (loaded.documents.length === 0 && loaded.diagnostics.length === 0) throw usage('no Workflow in the files');
  const diagnostics: LocatedDiagnostic[] = [...loaded.diagnostics];
  for (const document of loaded.documents) {
    const one = await applyParams(context, document);
    const built = await buildLocally(one);
    if (built.ok) diagnostics.push(...built.value.warnings.map(one.locate));
    else diagnostics.push(...built.error);
  }
  await showDiagnostics(context.io, diagnostics, format);
  return hasErrors(diagnostics) ? EXIT.invalid : EXIT.done;
}
