import type { Diagnostic } from '../apis/diagnostic.ts';
import { FOLDER_ANNOTATION } from '../apis/meta.ts';
import { nameTasks } from '../apis/name-tasks.ts';
import { validateWorkflow } from '../apis/validate.ts';
import type { WorkflowDocument } from '../apis/workflow.ts';
import type { FileSpace } from '../backends/backend.ts';
import type { Backends } from '../backends/backends.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type BuiltGraph, buildGraph, sheetsOf } from '../graph/build.ts';
import { checkOutputPlaces, type Place } from '../graph/check-output-places.ts';
import { sameShape } from '../graph/graph.ts';
import { ABSENT_DIGEST, lookId } from '../planning/facts.ts';
import { SOURCE_ANNOTATION } from '../sources/source.ts';
import { beyondBackends, unknownBackends } from './check-backends.ts';
import type { HomeContext } from './home-context.ts';
import { readSheets } from './read-sheets.ts';

/** A document that passed every check, with the graph it stands for. */
export interface Admitted {
  readonly document: WorkflowDocument;
  readonly built: BuiltGraph;
  readonly sheets: { readonly [path: string]: string };
  /** What was seen of external inputs on the way. */
  readonly facts: ReadonlyMap<string, string>;
}

/** Where it is to run, and what it finds there. */
type Premises = Pick<HomeContext, 'backends' | 'files'>;

/** The generation in force. */
export interface Before {
  readonly built: BuiltGraph;
  readonly stored: { readonly object: WorkflowDocument };
}

/**
 * Admission: schema, expressions, graph, and that inputs nobody makes exist. A document that fails changes nothing:
 * the generation before stays in force.
 */
export async function admitDocument(
  document: WorkflowDocument,
  home: Premises,
  before?: Before,
): Promise<Result<Admitted, readonly Diagnostic[]>> {
  const wrong = validateWorkflow(document).filter((d) => d.severity === 'error');
  if (wrong.length > 0) return fail(wrong);
  const named = nameTasks(document);
  const elsewhere = unknownBackends(named.spec, home.backends.names);
  if (elsewhere.length > 0) return fail(elsewhere);
  const folder = named.metadata.annotations?.[FOLDER_ANNOTATION];
  if (folder === undefined || !folder.startsWith('/')) return fail([noFolder()]);
  const source = sourceOf(named, folder);
  const { sheets, problems } = await readSheets(sheetsOf(source));
  if (problems.size > 0) return fail(unreadableSheets(source, problems));
  const built = buildGraph({ ...source, sheets: new Map(Object.entries(sheets)) }, before?.built);
  if (!built.ok) return fail(built.error);
  const beyond = beyondBackends(built.value.graph, home.backends);
  if (beyond.length > 0) return fail(beyond);
  if (!before || !haveSamePlaces(before, named, built.value)) {
    const misplaced = checkOutputPlaces(built.value.graph, placesOf(named, folder, home.files));
    if (misplaced.length > 0) return fail(misplaced.slice(0, MAX_DIAGNOSTICS));
  }
  return admitBuilt({ document: named, built: built.value, sheets }, home);
}

/**
 * A document that is in force already, and the graph that was made of it: only what may have changed around it is checked.
 * Undefined: its sheets are others now, so it means something else.
 */
export async function admitAgain(
  before: Omit<Admitted, 'facts'>,
  home: Premises,
): Promise<Result<Admitted, readonly Diagnostic[]> | undefined> {
  const folder = before.document.metadata.annotations?.[FOLDER_ANNOTATION] ?? '';
  const paths = sheetsOf(sourceOf(before.document, folder));
  const { sheets, problems } = await readSheets(paths);
  if (problems.size > 0 || paths.some((path) => sheets[path] !== before.sheets[path])) return undefined;
  return admitBuilt(before, home);
}

function sourceOf(document: WorkflowDocument, folder: string): Parameters<typeof sheetsOf>[0] {
  const { name, namespace = 'default' } = document.metadata;
  return { name, namespace, spec: document.spec, folder };
}

/** What the machine has to give, and which files there are. */
async function admitBuilt(
  admitted: Omit<Admitted, 'facts'>,
  home: Premises,
): Promise<Result<Admitted, readonly Diagnostic[]>> {
  const tooBig = beyondCapacity(admitted.built, home.backends);
  if (tooBig.length > 0) return fail(tooBig);
  const facts = await lookAtRequiredInputs(admitted.built, home.files);
  const missing = missingInputs(admitted.built, facts);
  if (missing.length > 0) return fail(missing);
  return ok({ ...admitted, facts });
}

/** Outputs and what they must keep away from are where they were when that was checked. */
function haveSamePlaces({ built, stored }: Before, document: WorkflowDocument, edited: BuiltGraph): boolean {
  const fileOf = ({ metadata }: WorkflowDocument): string | undefined => metadata.annotations?.[SOURCE_ANNOTATION];
  return sameShape(built.graph, edited.graph) && fileOf(stored.object) === fileOf(document);
}

/** What must stay where it is. A document knows its own path only where a watched folder has applied it. */
function placesOf(document: WorkflowDocument, folder: string, files: FileSpace): Place[] {
  const file = document.metadata.annotations?.[SOURCE_ANNOTATION];
  return [
    { path: folder, what: "the workflow's folder" },
    ...(file?.startsWith('/') ? [{ path: file, what: "the workflow's document" }] : []),
    ...(files.reserved ?? []).map((path) => ({
      path,
      what: `${path}, where Fixpoint keeps its own files`,
      whole: true,
    })),
  ];
}

function noFolder(): Diagnostic {
  return {
    severity: 'error',
    code: 'E-FOLDER',
    path: ['metadata', 'annotations'],
    message: `the annotation ${FOLDER_ANNOTATION} must be the absolute folder that relative paths are relative to`,
    hint: 'The fixpoint command and the folder source set it.',
  };
}

/** At each task that reads such a sheet. One that does not exist is reported by who expands it. */
function unreadableSheets(
  source: Parameters<typeof sheetsOf>[0],
  problems: ReadonlyMap<string, string>,
): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const [i, task] of source.spec.tasks.entries()) {
    if (!task.foreach?.rows || found.length >= MAX_DIAGNOSTICS) continue;
    for (const path of sheetsOf({ ...source, spec: { ...source.spec, tasks: [task] } })) {
      const problem = problems.get(path);
      if (problem === undefined) continue;
      const at = ['spec', 'tasks', i, 'foreach', 'rows', 'path'];
      found.push({
        severity: 'error',
        code: 'E-SHEET',
        path: at,
        message: `${task.name}: the sheet ${path} ${problem}`,
      });
    }
  }
  return found;
}

/** What can never start here is said now, not after a week in the queue. Amounts that are expressions come later. */
function beyondCapacity(built: BuiltGraph, backends: Backends): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const template of built.graph.templates) {
    const { cpu, gpu } = template.spec.resources ?? {};
    const { name, capacity } = backends.of(template.spec);
    const path = ['spec', 'tasks', template.index, 'resources'];
    if (typeof cpu === 'number' && cpu > capacity.cpu)
      found.push({
        severity: 'error',
        code: 'E-RESOURCES',
        path: [...path, 'cpu'],
        message: `${template.name} asks for ${cpu} cores, the ${name} backend has ${capacity.cpu}`,
      });
    if (typeof gpu === 'number' && gpu > capacity.gpu)
      found.push({
        severity: 'error',
        code: 'E-RESOURCES',
        path: [...path, 'gpu'],
        message: `${template.name} asks for ${gpu} GPUs, the ${name} backend has ${capacity.gpu}`,
      });
  }
  return found;
}

async function lookAtRequiredInputs(built: BuiltGraph, files: FileSpace): Promise<ReadonlyMap<string, string>> {
  const looks = new Map<string, { path: string; fingerprint: 'Content' | 'Stat'; glob: false }>();
  for (const task of built.graph.tasks)
    for (const input of task.inputs)
      if (input.form !== 'glob')
        input.paths.forEach((path, i) => {
          if (input.producers[i] === undefined) {
            const look = { path, fingerprint: input.fingerprint, glob: false as const };
            looks.set(lookId(look), look);
          }
        });
  return files.look([...looks.values()]);
}

function missingInputs(built: BuiltGraph, facts: ReadonlyMap<string, string>): Diagnostic[] {
  const found: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const task of built.graph.tasks)
    for (const [i, input] of task.inputs.entries()) {
      if (input.optional || input.external || input.form === 'glob') continue;
      input.paths.forEach((path, at) => {
        if (
          input.producers[at] !== undefined ||
          facts.get(lookId({ path, fingerprint: input.fingerprint, glob: false })) !== ABSENT_DIGEST
        )
          return;
        const template = built.graph.templates[task.template];
        if (seen.has(`${task.template}:${path}`)) return;
        seen.add(`${task.template}:${path}`);
        found.push({
          severity: 'error',
          code: 'E-NO-PRODUCER',
          path: ['spec', 'tasks', template?.index ?? 0, 'inputs', i],
          message: `${task.key}: input ${input.name}: nobody makes ${path} and it does not exist`,
          hint: 'If it appears later, write external: true.',
        });
      });
    }
  return found;
}
