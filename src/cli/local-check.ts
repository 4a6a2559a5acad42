import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LocatedDiagnostic } from '../apis/diagnostic.ts';
import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION } from '../apis/meta.ts';
import type { JsonObject } from '../base/json.ts';
import { MAX_SHEET_BYTES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type BuiltGraph, buildGraph, sheetsOf } from '../graph/build.ts';
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
  const sheets = new Map<string, string>();
  for (const path of sheetsOf(source)) {
    const text = await readSheet(path);
    if (text !== undefined) sheets.set(path, text);
  }
  const built = buildGraph({ ...source, sheets });
  return built.ok ? ok(built.value) : fail(built.error.map(loaded.locate));
}

/** A sheet that cannot be read is reported by who expands it, at the place that names it. */
async function readSheet(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      return size > MAX_SHEET_BYTES ? undefined : await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
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
