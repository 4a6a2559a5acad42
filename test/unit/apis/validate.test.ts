import { expect, test } from 'vitest';
import type { LocatedDiagnostic } from '../../../src/apis/diagnostic.ts';
import { diagnosticLine } from '../../../src/apis/diagnostic-list.ts';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import { validateWorkflow } from '../../../src/apis/validate.ts';
import { EVERYTHING, MINIMAL, SMALL, workflow } from './documents.ts';

function problems(text: string): readonly LocatedDiagnostic[] {
  return readWorkflows(text, 'a.yaml').diagnostics;
}

function lines(text: string): string[] {
  return problems(text).map(diagnosticLine);
}

/** The only problem of one task with these fields, without its place. */
function taskProblem(fields: string): string {
  const found = lines(workflow(`tasks:\n  - {name: a, ${fields}}`));
  return found.map((line) => line.replace(/^\S+ /, '').replace('tasks[0]', 'T')).join('\n');
}

test.each([
  ['everything', EVERYTHING],
  ['small', SMALL],
  ['minimal', MINIMAL],
])('a valid document has no problem: %s', (_name, text) => {
  expect(lines(text)).toEqual([]);
  expect(readWorkflows(text, 'a.yaml').documents.length).toBe(1);
});

test('the lines of the reference', () => {
  expect(lines(workflow('params: {n: 3}\ntasks:\n  - name: a\n    run: x\n    depends_on: [b]'))).toEqual([
    'a.yaml:5:12 E-AMBIGUOUS-KEY params: kubectl reads the plain key n as false. Write "n", or better rename it.',
    'a.yaml:9:7 E-UNKNOWN-FIELD tasks[0].depends_on: unknown field. Did you mean dependsOn?',
  ]);
});

test.each([
  ['needs: [b]', 'E-UNKNOWN-FIELD T.needs: unknown field. Did you mean dependsOn?'],
  ['script: x', 'E-UNKNOWN-FIELD T.script: unknown field. Did you mean run?'],
  ['cmd: x', 'E-UNKNOWN-FIELD T.cmd: unknown field. Did you mean command?'],
  ['output: []', 'E-UNKNOWN-FIELD T.output: unknown field. Did you mean outputs?'],
  ['enviroment: {}', 'E-UNKNOWN-FIELD T.enviroment: unknown field. Did you mean env?'],
  ['memory: 1Gi', 'E-UNKNOWN-FIELD T.memory: unknown field. Write resources: {memory: …}.'],
  ['cache: x', 'E-UNKNOWN-FIELD T.cache: unknown field: this release does not have cache.'],
  ['when: "${{ true }}"', 'E-UNKNOWN-FIELD T.when: unknown field: this release does not have when.'],
  ['steps: []', 'E-UNKNOWN-FIELD T.steps: unknown field: this release does not have steps.'],
  ['resetPolicy: Approval', 'E-UNKNOWN-FIELD T.resetPolicy: unknown field: this release does not have resetPolicy.'],
  ['zzz: 1', 'E-UNKNOWN-FIELD T.zzz: unknown field.'],
  ['zzz: null', 'E-UNKNOWN-FIELD T.zzz: unknown field.'],
  ['__proto__: 1', 'E-UNKNOWN-FIELD T.__proto__: unknown field.'],
  ['constructor: 1', 'E-UNKNOWN-FIELD T.constructor: unknown field.'],
  ['resources: {cpus: 2}', 'E-UNKNOWN-FIELD T.resources.cpus: unknown field. Did you mean cpu?'],
  ['run: 5', 'E-TYPE T.run: must be text, not the number 5. Quote it: "5".'],
  ['dependsOn: b', 'E-TYPE T.dependsOn: must be a list, not the text "b". Write a list: ["b"].'],
  [
    'allowFailure: "true"',
    'E-TYPE T.allowFailure: must be true or false, not the text "true". Leave out the quotes: true.',
  ],
  [
    'priority: "${{ 1 }}"',
    'E-TYPE T.priority: must be a whole number, not the text "${{ 1 }}". No expression is allowed here.',
  ],
  [
    'resources: {cpu: 0.5}',
    'E-TYPE T.resources.cpu: must be a whole number or text, not the number 0.5. Write 500m or "0.5".',
  ],
  [
    'resources: {memory: 16GB}',
    'E-QUANTITY T.resources.memory: "16GB" is no quantity: write 16Gi (a power of 1024) or 16G (of 1000).',
  ],
  ['resources: {cpu: -1}', 'E-RANGE T.resources.cpu: must not be below 0.'],
  ['resources: {gpu: 500m}', 'E-QUANTITY T.resources.gpu: "500m" is no whole number of devices.'],
  ['resources: {walltime: "90"}', 'E-DURATION T.resources.walltime: "90" has no unit: write 90s, 90m or 90h.'],
  ['resources: {walltime: 0s}', 'E-DURATION T.resources.walltime: "0s" must be longer than 0.'],
  ['retry: {limit: -1}', 'E-RANGE T.retry.limit: must be at least 0, not -1.'],
  ['retry: {limit: 1.5}', 'E-TYPE T.retry.limit: must be a whole number, not the number 1.5.'],
  ['retry: {backoff: {factor: 0.5}}', 'E-RANGE T.retry.backoff.factor: must be at least 1, not 0.5.'],
  [
    'triggerRule: allSucceeded',
    'E-ENUM T.triggerRule: must be one of NoneFailed, AllSucceeded, AllFinished, AnySucceeded, AnyFailed, AllFailed, not allSucceeded. Did you mean AllSucceeded?',
  ],
  [
    'backend: "${{ x }}"',
    'E-LITERAL T.backend: no ${{ }} is allowed here: this field is read before anything is evaluated.',
  ],
  ['env: [{name: 1a, value: x}]', 'E-NAME T.env[0].name: "1a" is no variable: A-Z a-z 0-9 _, and no digit in front.'],
  [
    'env: [{name: FIXPOINT_X, value: x}]',
    'E-NAME T.env[0].name: variables that begin with FIXPOINT_ are set by Fixpoint.',
  ],
  ['env: [{name: A}]', 'E-ONE-OF T.env[0]: needs one of value or valueFrom.'],
  ['env: [{name: A, valueFrom: {}}]', 'E-ONE-OF T.env[0].valueFrom: needs one of secretKeyRef or configMapKeyRef.'],
  ['env: [{value: x}]', 'E-REQUIRED T.env[0]: needs name.'],
  ['env: {A: x}', 'E-TYPE T.env: must be a list, not a map. Write a list: - name: … for each entry.'],
  [
    'inputs: [{name: a/b, path: x}]',
    'E-NAME T.inputs[0].name: "a/b" is no name: 1 to 63 of A-Z a-z 0-9 _ -, and no - in front.',
  ],
  ['inputs: [{name: a}]', 'E-ONE-OF T.inputs[0]: needs one of path, paths or glob.'],
  [
    'inputs: [{name: a, path: x, glob: z}]',
    'E-ONE-OF T.inputs[0].glob: path and glob exclude one another: write one of path, paths or glob.',
  ],
  ['inputs: [{name: a, path: ""}]', 'E-EMPTY T.inputs[0].path: must not be empty.'],
  [
    'inputs: [{name: a, path: x}, {name: a, path: z}]',
    'E-DUPLICATE-NAME T.inputs[1].name: a is the name of inputs[0] too.',
  ],
  ['after: [b, b]', 'E-DUPLICATE-ITEM T.after[1]: stands in this list already.'],
  ['files: [{name: a}]', 'E-REQUIRED T.files[0]: needs content.'],
  [
    'files: [{name: a, content: "", mode: "999"}]',
    'E-FORMAT T.files[0].mode: "999" is no file mode: write three or four octal digits, "0644".',
  ],
  ['movedFrom: a//b', 'E-FORMAT T.movedFrom: "a//b" is no key: write it as get tasks shows it, align/NA12878.'],
  [
    'run: x, command: [z]',
    'E-ONE-OF T.command: command stands beside run; a task has one body. Delete one of the two.',
  ],
  ['pod: {restartPolicy: Always}', 'E-UNKNOWN-FIELD T.pod.restartPolicy: unknown field.'],
  [
    'pod: {containers: [{name: proxy}]}',
    'E-NAME T.pod.containers[0].name: the one container is called task. Containers before or beside it are not there yet.',
  ],
  [
    'pod: {containers: [{name: task, resources: {limits: {memory: 1Gi}}}]}',
    'E-OPTION T.pod.containers[0].resources.limits.memory: is set by resources.memory: write that.',
  ],
  [
    'pod: {volumes: [{name: workspace, emptyDir: {}}]}',
    'E-NAME T.pod.volumes[0].name: workspace is the volume of the backend.',
  ],
  [
    'pod: {volumes: [{name: a, secret: {secretName: "${{ params.x }}"}}], schedulerName: "${{ x }}"}',
    'E-LITERAL T.pod.volumes[0].secret.secretName: no ${{ }} is allowed here: an overlay goes to the cluster as it is.\nE-LITERAL T.pod.schedulerName: no ${{ }} is allowed here: an overlay goes to the cluster as it is.',
  ],
  ['pod: {initContainers: [{name: a}]}', 'E-UNKNOWN-FIELD T.pod.initContainers: unknown field.'],
  [
    'pod: {securityContext: {runAsUser: 0}}',
    'E-OPTION T.pod.securityContext.runAsUser: is that of the daemon, whose files the attempt works in.',
  ],
  ['args: [z]', 'E-REQUIRED T.args: args alone needs an image to start; this release has none. Write command.'],
  [
    'labels: {a: "b c"}',
    'E-LABEL T.labels.a: b c is no label value: at most 63 of A-Z a-z 0-9 _ . - that begin and end with a letter or digit. Put free text into annotations.',
  ],
  ['foreach: {}', 'E-ONE-OF T.foreach: needs one of items, itemsFrom, rows, range, matrix or each.'],
  [
    'foreach: {rows: {path: x}}',
    'E-KEY T.foreach: rows needs key: rows are not addressed by position. Write key: ${{ item.COLUMN }} with a column that is unique.',
  ],
  [
    'foreach: {items: [1, {a: 2}]}',
    'E-KEY T.foreach.items[1]: an element that is a map or a list needs key. Write key: ${{ item.FIELD }} with a field that is unique.',
  ],
  [
    'foreach: {each: b, key: k}',
    'E-KEY T.foreach.key: each takes over the keys of the other fan-out; no key is written here.',
  ],
  ['foreach: {matrix: [{name: a}]}', 'E-ONE-OF T.foreach.matrix[0]: needs one of values, valuesFrom or each.'],
  ['foreach: {matrix: []}', 'E-EMPTY T.foreach.matrix: must not be empty.'],
  ['foreach: {range: {}}', 'E-REQUIRED T.foreach.range: needs count.'],
  [
    'foreach: {range: {count: x}}',
    'E-TYPE T.foreach.range.count: "x" is no whole number. An expression is written ${{ … }}.',
  ],
  ['foreach: {range: {count: -1}}', 'E-RANGE T.foreach.range.count: must not be below 0.'],
  ['foreach: {range: {count: 1, step: 0}}', 'E-RANGE T.foreach.range.step: must not be 0.'],
  [
    'foreach: {range: {count: 1, format: "%s"}}',
    'E-FORMAT T.foreach.range.format: must hold one %d, or %05d to pad with zeros.',
  ],
  [
    'foreach: {wildcards: "{a}.txt"}',
    'E-UNKNOWN-FIELD T.foreach.wildcards: unknown field: this release does not have wildcards.',
  ],
])('a task with %s', (fields, expected) => {
  expect(taskProblem(fields)).toBe(expected);
});

test.each([
  ['params: {a: 1}', 'E-REQUIRED spec: needs tasks.'],
  ['tasks: []', 'E-EMPTY tasks: must not be empty.'],
  ['tasks: {a: {run: x}}', 'E-TYPE tasks: must be a list, not a map. Write a list: - name: … for each entry.'],
  ['tasks: [null]', 'E-TYPE tasks[0]: must be a map, not null.'],
  ['tasks: [{name: -a}]', 'E-NAME tasks[0].name: "-a" is no name: 1 to 63 of A-Z a-z 0-9 _ -, and no - in front.'],
  [
    `tasks: [{name: ${'a'.repeat(64)}}]`,
    `E-NAME tasks[0].name: "${'a'.repeat(64)}" is no name: 1 to 63 of A-Z a-z 0-9 _ -, and no - in front.`,
  ],
  ['tasks: [{name: a}, {name: a}]', 'E-DUPLICATE-NAME tasks[1].name: a is the name of tasks[0] too.'],
  ['jobs: []\ntasks: [{name: a}]', 'E-UNKNOWN-FIELD jobs: unknown field. Did you mean tasks?'],
  ['vars: {}\ntasks: [{name: a}]', 'E-UNKNOWN-FIELD vars: unknown field: this release does not have vars.'],
  ['parallelism: 0\ntasks: [{name: a}]', 'E-RANGE parallelism: must be at least 1, not 0.'],
  ['priority: 3000000000\ntasks: [{name: a}]', 'E-RANGE priority: must be at most 2147483647, not 3000000000.'],
  [
    'workdir: "${{ x }}"\ntasks: [{name: a}]',
    'E-LITERAL workdir: no ${{ }} is allowed here: this field is read before anything is evaluated.',
  ],
  ['defaults: {run: x}\ntasks: [{name: a}]', 'E-UNKNOWN-FIELD defaults.run: unknown field.'],
  [
    'paramSchema: [{name: a, type: list<strin>}]\ntasks: [{name: a}]',
    'E-ENUM paramSchema[0].type: "list<strin>" is no type: string int double bool path duration quantity any list<T> map<T>. Did you mean string?',
  ],
  ['paramSchema: [{name: a, type: list<map<int>>}]\ntasks: [{name: a}]', ''],
  [
    'paramSchema: [{name: a, type: list<int}]\ntasks: [{name: a}]',
    'E-ENUM paramSchema[0].type: "list<int" is no type: string int double bool path duration quantity any list<T> map<T>.',
  ],
  [
    'paramSchema: [{name: a, minimum: 3, maximum: 2}]\ntasks: [{name: a}]',
    'E-RANGE paramSchema[0].minimum: is above maximum (2); no value is allowed.',
  ],
  ['params: {a: "${{ 1 }}"}\ntasks: [{name: a}]', ''],
])('a spec with %s', (spec, expected) => {
  const found = lines(workflow(spec)).map((line) => line.replace(/^\S+ /, '').replace(/ Known here: .*/, ''));
  expect(found.join('\n')).toBe(expected);
});

test.each([
  ['a: 1', 'E-REQUIRED needs apiVersion and kind. Write apiVersion: fixpoint.dev/v1alpha1 and kind: Workflow.'],
  [
    'apiVersion: argoproj.io/v1alpha1\nkind: Workflow',
    'E-API-VERSION apiVersion: this is an Argo document; argoproj.io/v1alpha1 is not read here. Write apiVersion: fixpoint.dev/v1alpha1.',
  ],
  [
    'apiVersion: fixpoint.dev/v1alpha1\nkind: workflow',
    'E-KIND kind: workflow is not read here. Did you mean Workflow?',
  ],
  ['apiVersion: fixpoint.dev/v1alpha1\nkind: CronWorkflow', 'E-KIND kind: this release does not have CronWorkflow.'],
  [
    'apiVersion: fixpoint.dev/v1alpha1\nkind: List',
    'E-KIND kind: a list is not read here. Write the workflows one after another, with --- between them.',
  ],
  ['kind: Workflow\nmetadata: {name: a}\nspec: {tasks: [{name: a}]}', 'E-REQUIRED needs apiVersion.'],
  ['[1, 2]', 'E-TYPE a document must be a map with apiVersion, kind, metadata and spec.'],
  ['just text', 'E-TYPE a document must be a map with apiVersion, kind, metadata and spec.'],
])('a document %j', (text, expected) => {
  expect(lines(text).map((line) => line.replace(/^\S+ /, ''))).toEqual([expected]);
});

test.each([
  ['{name: Hello_World}', 'E-NAME', 'Write hello-world.'],
  ['{name: a..b}', 'E-NAME', undefined],
  [`{name: ${'a'.repeat(64)}}`, 'E-NAME', `Write ${'a'.repeat(63)}.`],
  ['{name: ""}', 'E-NAME', undefined],
  ['{}', 'E-REQUIRED', undefined],
  ['{name: a, namespace: a.b}', 'E-NAME', undefined],
  ['{name: a, labels: {"a/b/c": x}}', 'E-LABEL', undefined],
  ['{name: a, labels: {a: 1}}', 'E-TYPE', 'Quote it: "1".'],
  ['{name: a, lables: {}}', 'E-UNKNOWN-FIELD', 'Did you mean labels?'],
])('metadata %s', (metadata, code, hint) => {
  const text = SMALL.replace('metadata: {name: demo}', `metadata: ${metadata}`);
  expect(problems(text).map((d) => [d.code, d.hint])).toEqual([[code, hint]]);
});

test('what kubectl get -o yaml prints may be applied again', () => {
  const text = SMALL.replace(
    '{name: demo}',
    '{name: demo, uid: x, generation: 3, resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z", managedFields: [{manager: m}], annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}}',
  );
  const { documents, diagnostics } = readWorkflows(`${text}status: {phase: Running}\n`, 'a.yaml');
  expect(diagnostics).toEqual([]);
  expect(documents[0]?.document).not.toHaveProperty('status');
});

test('null means absent, except in the data of the user', () => {
  const { documents, diagnostics } = readWorkflows(
    workflow(
      'params: {a: null}\nworkdir: null\ntasks: [{name: a, run: x, workdir: null, foreach: {items: [null], range: null}}]',
    ),
    'a.yaml',
  );
  expect(diagnostics).toEqual([]);
  expect(documents[0]?.document.spec).toEqual({
    params: { a: null },
    tasks: [{ name: 'a', run: 'x', foreach: { items: [null] } }],
  });
});

test('two documents of one name are one too many', () => {
  expect(problems(`${SMALL}---\n${SMALL}`)).toMatchObject([
    { code: 'E-DUPLICATE-NAME', line: 9, path: ['metadata', 'name'] },
  ]);
});

test('a problem inside a text is shown where it stands', () => {
  expect(problems(workflow('tasks:\n  - name: a\n    backend: "abc${{ x }}"'))).toMatchObject([
    { line: 7, column: 20, length: 3 },
  ]);
});

test('any value may be validated, not only what decode lets through', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 200_000; i++) deep = [deep];
  const document = { apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name: 'a' } };
  expect(validateWorkflow({ ...document, spec: { params: { deep }, tasks: [{ name: 'a' }] } })).toMatchObject([
    { code: 'E-DEPTH' },
  ]);
  for (const value of [undefined, null, 1, 'x', [], {}, () => 1])
    expect(validateWorkflow(value).length).toBeGreaterThan(0);
});

test('a hundred thousand mistakes are a hundred diagnostics', () => {
  const tasks = Array.from({ length: 9_000 }, (_, i) => ({ name: `t${i}`, nonsense: 1, dependsOn: [1, 2, 3] }));
  const found = validateWorkflow({
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'a' },
    spec: { tasks },
  });
  expect(found.length).toBe(101);
  expect(found.at(-1)?.code).toBe('E-MORE');
  const tooMany = validateWorkflow({
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'a' },
    spec: { tasks: [{ name: 'a', command: Array(200_000).fill(1) }] },
  });
  expect(tooMany).toMatchObject([{ code: 'E-TOO-MANY', path: ['spec', 'tasks', 0, 'command'] }]);
});
