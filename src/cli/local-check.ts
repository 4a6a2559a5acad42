import { resolve } from 'node:path';
import type { LocatedDiagnostic } from '../apis/diagnostic.ts';
import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION } from '../apis/meta.ts';
import type { JsonObject } from '../base/json.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { readSheets } from '../controllers/read-sheets.ts';
import { type BuiltGraph, buildGraph, sheetsOf } from '../graph/build.ts';
import { checkOutputPlaces } from '../graph/check-output-places.ts';
import type { CommandContext } from './command.ts';
import { type LoadedDocument, readText } from './documents.ts';
import { CommandFailure, EXIT, usage } from './exit-code.ts';
import { withParams } from './params.ts';

/** Everything that can be checked without a home: expressions, names, fan-outs, edges. Reads sheets, runs nothing. */
export async function buildLocally(loaded: LoadedDocument): Promise<Result<BuiltGraph, readonly LocatedDiagnostic[]>> {
  const { metadata, spec } = loaded.document;
  const source = {
    name: metadata.name,
    namespace: metadata.namespace ?? DEFAULT_NAMESPACE,
    spec,
    folder: metadata.annotations?.[FOLDER_ANNOTATION] ?? '',
  };
  // One that cannot be read is reported by who expands it, at the place that names it.
  const { sheets } = await readSheets(sheetsOf(source));
  const built = buildGraph({ ...source, sheets: new Map(Object.entries(sheets)) });
  if (!built.ok) return fail(built.error.map(loaded.locate));
  const misplaced = checkOutputPlaces(built.value.graph, [{ path: source.folder, what: "the workflow's folder" }]);
  return misplaced.length > 0 ? fail(misplaced.map(loaded.locate)) : ok(built.value);
}

/** `--param-file` in the order given, then `--param`. */
export async function applyParams(context: CommandContext, loaded: LoadedDocument): Promise<LoadedDocument> {
  const files: JsonObject[] = [];
  for (const file of context.list('paramFile')) files.push(await readParamFile(context, file));
  const set = withParams(loaded.document, files, context.list('param'));
  if (!set.ok) throw usage(set.error);
  return { ...loaded, document: set.value };
}

async function readParamFile(context: CommandContext, file: string): Promise<JsonObject> {
  const { decode } = await import('../apis/decode.ts');
  const { renderDiagnostics } = await import('./render/diagnostics.ts');
  const { documents, diagnostics } = decode(await readText(resolve(context.io.cwd, file)), file);
  await context.io.stderr.write(renderDiagnostics(diagnostics));
  if (diagnostics.some((d) => d.severity === 'error')) throw new CommandFailure(EXIT.invalid, '');
  const value = documents[0]?.value;
  if (documents.length !== 1 || typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usage(`--param-file ${file}: expected one map of names to values`);
  }
  return value as JsonObject;
}
