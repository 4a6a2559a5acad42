/**
 * Documents that are wrong, and who says so in a cluster: the API server when it is applied, or, where its schema has no
 * words for the rule, only the controller (and `fixpoint lint`, always).
 */
export interface Refusal {
  readonly what: string;
  /** Fields of one task called a, or a whole spec. */
  readonly task?: string;
  readonly spec?: string;
  /** What the API server says; undefined: it takes the document, and the controller refuses it. */
  readonly says?: RegExp;
}

const UNKNOWN = /unknown field/;

export const REFUSALS: readonly Refusal[] = [
  // What a field is.
  { what: 'a field that is not known', task: 'depends_on: [b]', says: UNKNOWN },
  { what: 'a field of a later release', task: 'cache: x', says: UNKNOWN },
  { what: 'a field of a task in defaults', spec: 'defaults: {run: x}\ntasks: [{name: a}]', says: UNKNOWN },
  { what: 'a number for text', task: 'run: 5', says: /must be of type string/ },
  { what: 'text for a list', task: 'dependsOn: b', says: /must be of type array/ },
  { what: 'a map for a list', task: 'env: {A: x}', says: /unknown field|must be of type array/ },
  { what: 'text for a flag', task: 'allowFailure: "true"', says: /must be of type boolean/ },
  { what: 'an expression where none may stand', task: 'priority: "${{ 1 }}"', says: /must be of type integer/ },
  { what: 'a fraction for an int', task: 'retry: {limit: 1.5}', says: /must be of type integer/ },
  { what: 'a fraction for a quantity', task: 'resources: {cpu: 0.5}', says: /must be of type integer|anyOf/ },
  { what: 'no tasks', spec: 'params: {a: 1}', says: /tasks: Required value/ },
  { what: 'an empty list of tasks', spec: 'tasks: []', says: /should have at least 1 items/ },
  { what: 'a task that is null', spec: 'tasks: [null]', says: /./ },
  { what: 'a task without a name', spec: 'tasks: [{run: x}]', says: /name: Required value|omits key field "name"/ },
  { what: 'an entry without a name', task: 'inputs: [{path: x}]', says: /name: Required value|omits key field "name"/ },
  { what: 'a file without content', task: 'files: [{name: a}]', says: /content: Required value/ },
  { what: 'a range without a count', task: 'foreach: {range: {}}', says: /count: Required value/ },
  { what: 'a variable without a value', task: 'env: [{name: A}]', says: /value: Required value/ },
  // Bounds and sets of words.
  { what: 'a limit below 0', task: 'retry: {limit: -1}', says: /greater than or equal to 0/ },
  { what: 'a factor below 1', task: 'retry: {backoff: {factor: 0.5}}', says: /greater than or equal to 1/ },
  { what: 'no parallelism', spec: 'parallelism: 0\ntasks: [{name: a}]', says: /greater than or equal to 1/ },
  { what: 'a priority of 33 bits', spec: 'priority: 3000000000\ntasks: [{name: a}]', says: /less than or equal to/ },
  { what: 'a negative amount', task: 'resources: {cpu: -1}', says: /greater than or equal to 0/ },
  { what: 'a negative count', task: 'foreach: {range: {count: -1}}', says: /count must not be below 0/ },
  { what: 'a step of 0', task: 'foreach: {range: {count: 1, step: 0}}', says: /step must not be 0/ },
  { what: 'a word that is not in the set', task: 'triggerRule: allSucceeded', says: /should match '\^\(\?:NoneFailed/ },
  { what: 'a reason that does not exist', task: 'retry: {reasons: [Bad]}', says: /Unsupported value: "Bad"/ },
  { what: 'an empty path', task: 'inputs: [{name: a, path: ""}]', says: /at least 1 chars long/ },
  { what: 'an empty matrix', task: 'foreach: {matrix: []}', says: /should have at least 1 items/ },
  {
    what: 'a name of 64 characters',
    spec: `tasks: [{name: ${'a'.repeat(64)}}]`,
    says: /may not be more than 63|Too long/,
  },
  // Formats.
  { what: 'a name with a dash in front', spec: 'tasks: [{name: -a}]', says: /should match/ },
  { what: 'a name with a slash', task: 'inputs: [{name: a/b, path: x}]', says: /should match/ },
  { what: 'a variable that begins with a digit', task: 'env: [{name: 1a, value: x}]', says: /should match/ },
  { what: 'an unknown unit', task: 'resources: {memory: 16GB}', says: /should match/ },
  { what: 'a part of a device', task: 'resources: {gpu: 500m}', says: /should match/ },
  { what: 'a walltime without unit', task: 'resources: {walltime: "90"}', says: /should match/ },
  { what: 'an empty walltime', task: 'resources: {walltime: ""}', says: /at least 1 chars long|should match/ },
  { what: 'a backoff that is no duration', task: 'retry: {backoff: {max: soon}}', says: /should match/ },
  { what: 'a mode that is not octal', task: 'files: [{name: a, content: "", mode: "999"}]', says: /should match/ },
  { what: 'a key with an empty segment', task: 'movedFrom: a//b', says: /should match/ },
  { what: 'a count that is no number', task: 'foreach: {range: {count: x}}', says: /should match/ },
  { what: 'a format of a key for text', task: 'foreach: {range: {count: 1, format: "%s"}}', says: /should match/ },
  {
    what: 'a type that does not exist',
    spec: 'paramSchema: [{name: a, type: strin}]\ntasks: [{name: a}]',
    says: /should match/,
  },
  { what: 'a label that is none', task: 'labels: {a: "b c"}', says: /should match/ },
  // Lists.
  { what: 'two tasks of one name', spec: 'tasks: [{name: a}, {name: a}]', says: /Duplicate value|duplicate entries/ },
  {
    what: 'two inputs of one name',
    task: 'inputs: [{name: a, path: x}, {name: a, path: z}]',
    says: /Duplicate value|duplicate entries/,
  },
  { what: 'a task named twice in a set', task: 'after: [b, b]', says: /Duplicate value|duplicate entries/ },
  // Fields that need or exclude one another.
  { what: 'run beside command', task: 'run: x, command: [z]', says: /a task has one body/ },
  { what: 'run beside args', task: 'run: x, args: [z]', says: /a task has one body/ },
  { what: 'args alone', task: 'args: [z]', says: /args needs command/ },
  { what: 'an input of nothing', task: 'inputs: [{name: a}]', says: /path: Required value/ },
  {
    what: 'an input of two kinds',
    task: 'inputs: [{name: a, path: x, glob: z}]',
    says: /may not be more than 0|Too long/,
  },
  {
    what: 'an output of two kinds',
    task: 'outputs: [{name: a, path: x, glob: z}]',
    says: /may not be more than 0|Too long/,
  },
  { what: 'a fan-out over nothing', task: 'foreach: {}', says: /must validate at least one schema/ },
  {
    what: 'a fan-out over two things',
    task: 'foreach: {items: [1], range: {count: 1}}',
    says: /must have at most 0 items/,
  },
  { what: 'an axis of nothing', task: 'foreach: {matrix: [{name: a}]}', says: /must validate at least one schema/ },
  { what: 'rows without a key', task: 'foreach: {rows: {path: x}}', says: /rows needs key/ },
  { what: 'a key beside each', task: 'foreach: {each: b, key: k}', says: /each takes over the keys/ },
  {
    what: 'a minimum above the maximum',
    spec: 'paramSchema: [{name: a, minimum: 3, maximum: 2}]\ntasks: [{name: a}]',
    says: /minimum is above maximum/,
  },
  // What only the controller can judge: a word about other fields, other tasks, or the text itself.
  { what: 'an expression in a literal', task: 'backend: "${{ x }}"' },
  { what: 'a walltime of 0', task: 'resources: {walltime: 0s}' },
  { what: 'a duration of more than a century', task: 'resources: {walltime: 99999d}' },
  { what: 'a variable of ours', task: 'env: [{name: FIXPOINT_X, value: x}]' },
  { what: 'a label with a key that is none', task: 'labels: {"a/b/c": x}' },
  { what: 'elements without a key', task: 'foreach: {items: [{a: 2}]}' },
  { what: 'an enum that allows nothing', spec: 'paramSchema: [{name: a, enum: []}]\ntasks: [{name: a}]' },
  { what: 'a type whose brackets do not match', spec: 'paramSchema: [{name: a, type: list<int}]\ntasks: [{name: a}]' },
];
