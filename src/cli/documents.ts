import { open, readdir, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { Diagnostic, LocatedDiagnostic } from '../apis/diagnostic.ts';
import { loadWorkflows } from '../apis/load.ts';
import { DEFAULT_NAMESPACE, FOLDER_ANNOTATION } from '../apis/meta.ts';
import type { WorkflowDocument } from '../apis/workflow.ts';
import { MAX_DOCUMENT_BYTES } from '../base/limits.ts';
import { CommandFailure, EXIT, usage } from './exit-code.ts';
import type { Io } from './io.ts';

export interface LoadedDocument {
  readonly document: WorkflowDocument;
  readonly file: string;
  /** A diagnostic of the home about this document, at its place in the file. */
  readonly locate: (diagnostic: Diagnostic) => LocatedDiagnostic;
}

export interface Loaded {
  readonly documents: readonly LoadedDocument[];
  readonly diagnostics: readonly LocatedDiagnostic[];
}

/** What the folder source watches, and what a folder given to `-f` means. */
const EXTENSIONS = ['.yaml', '.yml', '.json'];

export interface LoadOptions {
  readonly recursive?: boolean | undefined;
  readonly namespace?: string | undefined;
}

/** Reads `-` (standard input), files and folders, in the order given; folders in the order of names. */
export async function loadAll(io: Io, sources: readonly string[], options: LoadOptions = {}): Promise<Loaded> {
  const documents: LoadedDocument[] = [];
  const diagnostics: LocatedDiagnostic[] = [];
  for (const source of sources) {
    for (const file of source === '-' ? ['-'] : await filesOf(resolve(io.cwd, source), options.recursive === true)) {
      const shown = file === '-' ? '<stdin>' : source === '-' || resolve(io.cwd, source) !== file ? file : source;
      const loaded = await loadText(io, file, shown, options.namespace);
      documents.push(...loaded.documents);
      diagnostics.push(...loaded.diagnostics);
    }
  }
  return { documents, diagnostics };
}

/** Exactly one document, as `run` wants it. */
export function onlyDocument(loaded: Loaded, file: string): LoadedDocument {
  const [only, second] = loaded.documents;
  if (only === undefined) throw usage(`${file} holds no Workflow`);
  if (second !== undefined) throw usage(`${file} holds ${loaded.documents.length} Workflows; run takes one at a time`);
  return only;
}

async function loadText(io: Io, file: string, shown: string, namespace: string | undefined): Promise<Loaded> {
  const text = file === '-' ? await readStdin(io) : await readText(file);
  const { documents, diagnostics } = await loadWorkflows(text, shown);
  const folder = file === '-' ? io.cwd : dirname(file);
  return {
    diagnostics,
    documents: documents.map(({ document, locate }) => ({
      document: stamp(document, folder, namespace),
      file: shown,
      locate,
    })),
  };
}

/**
 * The folder that relative paths are relative to travels with the document. `-n` names the namespace where the
 * document says none, and must agree where it does, as kubectl has it.
 */
export function stamp(document: WorkflowDocument, folder: string, namespace: string | undefined): WorkflowDocument {
  const own = document.metadata.namespace;
  if (own !== undefined && namespace !== undefined && own !== namespace) {
    throw usage(`the document says namespace ${own}, -n says ${namespace}`);
  }
  const annotations = { ...document.metadata.annotations, [FOLDER_ANNOTATION]: resolve(folder) };
  return {
    ...document,
    metadata: { ...document.metadata, namespace: own ?? namespace ?? DEFAULT_NAMESPACE, annotations },
  };
}

async function filesOf(path: string, recursive: boolean): Promise<readonly string[]> {
  const found = await stat(path).catch((error: Error) => {
    throw new CommandFailure(EXIT.invalid, error.message);
  });
  if (!found.isDirectory()) return [path];
  const files: string[] = [];
  const pending = [path];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const inside = join(folder, entry.name);
      if (entry.isDirectory() && recursive) pending.push(inside);
      else if (entry.isFile() && EXTENSIONS.includes(extname(entry.name))) files.push(inside);
    }
  }
  return files.sort();
}

/** One byte more than allowed is read at most: a device or a growing file ends too. */
export async function readText(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      return await collect(handle.createReadStream({ autoClose: false, end: MAX_DOCUMENT_BYTES }), file);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandFailure(EXIT.invalid, code === 'ENOENT' ? `${file}: there is no such file` : message);
  }
}

export function readStdin(io: Io): Promise<string> {
  return collect(io.stdin(), 'standard input');
}

async function collect(chunks: AsyncIterable<Uint8Array | string>, what: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const part = Buffer.from(chunk as Uint8Array);
    length += part.length;
    if (length > MAX_DOCUMENT_BYTES)
      throw usage(
        `${what}:1:1: error E-TOO-LARGE: more than ${MAX_DOCUMENT_BYTES} bytes (MAX_DOCUMENT_BYTES). Keep data in files.`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
