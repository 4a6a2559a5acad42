import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { decode } from '../../../src/apis/decode.ts';
import { dropNulls } from '../../../src/apis/drop-nulls.ts';
import { nameTasks } from '../../../src/apis/name-tasks.ts';
import { validateWorkflow } from '../../../src/apis/validate.ts';
import { importWfFormat } from '../../../src/sources/wfformat.ts';
import { Random } from '../../simulation/random.ts';
import { documentOf, forgetIds, randomModel } from '../../simulation/random-workflow.ts';
import { EVERYTHING, MINIMAL, SMALL } from '../../unit/apis/documents.ts';

// Documents that the language takes, from wherever the repository has them. Tasks without a name are named, as the CLI
// does before it sends a document; everything else stays as it was written, nulls too.

const ROOT = resolve(import.meta.dirname, '../../..');

export interface Valid {
  readonly from: string;
  readonly document: object;
}

const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
const FOLDERS = ['examples', 'manifests/examples'];

/** Text of whole workflows, and where it stands. */
function texts(): readonly (readonly [from: string, text: string])[] {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
      .map((name) => [`${folder}/${name}`, readFileSync(join(ROOT, folder, name), 'utf8')] as const),
  );
  const blocks = PAGES.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm)].map(
      ([, indent = '', block = ''], index) =>
        [`${page}[${index}]`, block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')] as const,
    ),
  );
  const fixtures = [
    ['everything', EVERYTHING],
    ['small', SMALL],
    ['minimal', MINIMAL],
    ['nulls', NULLS],
  ] as const;
  return [...files, ...blocks, ...fixtures];
}

/** Every optional field is null somewhere: a null means absent, in the user's own JSON it means null. */
const NULLS = `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: nulls}
spec:
  params: {a: null, b: [null, {c: null}]}
  paramSchema: [{name: a, type: null, description: null, enum: [null, 1], pattern: null, minimum: null, maximum: null, optional: null}]
  defaults: null
  parallelism: null
  priority: null
  failurePolicy: null
  convergence: null
  onChangeWhileRunning: null
  prune: null
  approval: {discardedTasks: null, discardedCoreHours: null}
  workdir: null
  fingerprint: null
  watchInputs: null
  suspend: null
  tasks:
    - name: script
      run: x
      command: null
      args: null
      labels: {a: null}
      annotations: null
      movedFrom: null
      files: [{name: a, content: "", path: null, mode: null}]
      stdin: null
      stdout: null
      stderr: null
      inputs: [{name: a, path: x, glob: null, paths: null, type: null, optional: null, external: null, fingerprint: null}]
      outputs: [{name: a, path: z, glob: null, type: null, optional: null, keepPartial: null, fingerprint: null}]
      dependsOn: null
      after: null
      requiredBy: null
      triggerRule: null
      allowFailure: null
      resetAlso: {tasks: null, upstream: null}
      shell: null
      setup: null
      env: [{name: A, value: "", valueFrom: null, identity: null}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}, configMapKeyRef: null}}]
      resources: {cpu: null, memory: null, gpu: null, walltime: null}
      retry: {limit: null, backoff: {initial: null, factor: null, max: null, jitter: null}, reasons: null, exitCodes: null}
      backend: null
      priority: null
      workdir: null
      staging: null
      foreach: {items: [null, 1], itemsFrom: null, rows: null, range: null, matrix: null, each: null, key: null, parallelism: null}
    - {name: argv, command: [x], run: null, foreach: {range: {start: null, count: 1, step: null, format: null}}}
    - {name: rows, run: x, foreach: {key: k, rows: {path: x, format: null, columns: [{name: a, type: null, optional: null, enum: null, pattern: null, unique: null}]}}}
    - {name: axes, foreach: {matrix: [{name: x, values: [1, null], valuesFrom: null, each: null}]}}
`;

export function writtenDocuments(): readonly Valid[] {
  return texts().flatMap(([from, text]) =>
    decode(text, from).documents.map(({ value }, index) => ({
      from: `${from}#${index}`,
      document: nameTasks(value) as object,
    })),
  );
}

/** Recorded workflows, as `import` makes documents of them. */
export function importedDocuments(): readonly Valid[] {
  const folder = join(ROOT, 'examples/wfinstances');
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.map((name) => {
    const imported = importWfFormat(JSON.parse(readFileSync(join(folder, name), 'utf8')), {
      timeScale: 1,
      sizeScale: 1,
    });
    if (!imported.ok) throw new Error(`${name}: ${JSON.stringify(imported.error)}`);
    return { from: name, document: imported.value };
  });
}

/** As the simulation makes them. */
export function randomDocuments(count: number): readonly Valid[] {
  return Array.from({ length: count }, (_, seed) => {
    forgetIds();
    return { from: `random ${seed}`, document: documentOf(randomModel(new Random(seed))) };
  });
}

export function isValid(document: object): boolean {
  return !validateWorkflow(nameTasks(dropNulls(document))).some(({ severity }) => severity === 'error');
}

/** The document that has every field, with one or two places changed; by what the language says of it. */
export function mutatedDocuments(
  count: number,
  seed: number,
): { readonly good: readonly Valid[]; readonly bad: readonly Valid[] } {
  const [base] = decode(EVERYTHING, 'everything').documents;
  const root = nameTasks(base?.value) as { readonly spec: object };
  const edge = fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    'a',
    '-a',
    '\u{1f600}',
    'a/b',
    '0',
    '1',
    '007',
    '-1',
    '1.5',
    '.5',
    '5.',
    '1e3',
    '1Ki',
    '+2',
    '90s',
    '1h30m',
    '5ms',
    '1.5ms',
    '30m1h',
    '12:30:00',
    '1-12:30:00',
    '12:30',
    '0644',
    '644',
    '%d',
    '%05d',
    '%%d',
    'list<map<int>>',
    'list<',
    '${{ 1 }}',
    'x ${{ params.n }}',
    -1,
    0,
    1,
    1.5,
    1e9,
    true,
    false,
    [],
    {},
    ['a'],
    ['a', 'a'],
    [{ name: 'a' }],
    { name: 'a' },
    'x'.repeat(64),
    'x'.repeat(70_000),
  );
  const places = placesOf(root.spec);
  const change = fc.tuple(fc.constantFrom(...places), fc.oneof({ weight: 4, arbitrary: edge }, fc.jsonValue()));
  const changes = fc.sample(fc.array(change, { minLength: 1, maxLength: 2 }), { numRuns: count, seed });
  const documents = changes.map((all, index) => ({
    from: `mutant ${index}: ${all.map(([place, by]) => `${place.join('.')} = ${JSON.stringify(by)?.slice(0, 60)}`).join('; ')}`,
    document: {
      ...root,
      spec: all.reduce<unknown>(
        (spec, [place, by]) => (has(spec, place) ? replaced(spec, place, by) : spec),
        root.spec,
      ),
    },
  }));
  // A task without a name is named by the CLI, and by nothing in a cluster: `refusals.ts` has it.
  const ready = documents.filter(({ document }) => tasksOf(document).every((task) => nameOf(task) !== null));
  return {
    good: ready.filter(({ document }) => isValid(document)),
    bad: ready.filter(({ document }) => !isValid(document)),
  };
}

function tasksOf({ spec }: { readonly spec: unknown }): readonly unknown[] {
  const tasks = typeof spec === 'object' && spec !== null && 'tasks' in spec ? spec.tasks : [];
  return Array.isArray(tasks) ? tasks : [];
}

/** Null: it has none. What is no task has none to miss. */
function nameOf(task: unknown): unknown {
  if (typeof task !== 'object' || task === null || Array.isArray(task)) return undefined;
  return 'name' in task ? task.name : null;
}

function placesOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => placesOf(child, [...at, key]))];
}

function has(value: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) && has(value[key as never], rest);
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
