/** Valid documents from which the tests and the fuzz start. */

export function workflow(spec: string, name = 'demo'): string {
  return `apiVersion: fixpoint.dev/v1alpha1\nkind: Workflow\nmetadata: {name: ${name}}\nspec:\n${spec.replace(/^(?=.)/gm, '  ')}\n`;
}

/** Every field of the schema once. */
export const EVERYTHING = workflow(`params: {input: a.csv, "n": 3, nested: {list: [1, null, {"y": true}]}}
paramSchema:
  - {name: input, type: path, description: A table., pattern: ".*csv"}
  - {name: "n", type: int, minimum: 1, maximum: 9, enum: [1, 3], optional: true}
defaults:
  shell: [bash, -eu]
  setup: module load x
  env: [{name: A, value: "1", identity: Exclude}]
  resources: {cpu: 500m, memory: 1Gi, gpu: 0, walltime: 12:30:00}
  retry: {limit: 2, backoff: {initial: 1s, factor: 2, max: 5m, jitter: 0.1}, reasons: [OutOfMemory], exitCodes: [1, 137]}
  backend: process
  priority: 1
  workdir: out
  staging: Shared
  slurm: {partition: p, account: a, qos: q, constraint: c, licenses: l, reservation: r, exclusive: true, extraArgs: [--nice=1], extraOptions: --nice=1}
parallelism: 4
priority: -1
failurePolicy: Stop
convergence: Reevaluate
onChangeWhileRunning: Finish
prune: Keep
approval: {discardedTasks: 10, discardedCoreHours: 5}
workdir: /data
fingerprint: Stat
watchInputs: true
suspend: false
tasks:
  - name: prepare
    labels: {stage: first}
    annotations: {example.org/id: "any text"}
    movedFrom: old/prepare
    run: |
      echo \${{ params.input }}
      sort \${{ inputs.table }} > \${{ outputs.sorted }}
    files: [{name: config, content: "x = \${{ params.n }}", path: config.ini, mode: "0644"}]
    stdin: a.txt
    stdout: out.txt
    stderr: err.txt
    inputs:
      - {name: table, path: "\${{ params.input }}", type: File, optional: false, external: true, fingerprint: Content}
      - {name: more, paths: [b.csv, "\${{ params.nested.list }}"]}
      - {name: all, glob: "*.csv"}
    outputs:
      - {name: sorted, path: sorted.csv, type: File, optional: true, keepPartial: true, fingerprint: Stat}
      - {name: parts, glob: "part-*"}
    triggerRule: AllSucceeded
    allowFailure: true
    resetAlso: {tasks: [each], upstream: Parents}
  - name: each
    dependsOn: [prepare, "al*"]
    after: [other]
    requiredBy: [last]
    command: [echo, "\${{ item }}"]
    args: [x]
    foreach: {items: [1, 2, {a: null}], key: "k-\${{ item }}", parallelism: 2}
    resources: {cpu: 2, memory: "\${{ 4 * 1024 }}", walltime: "\${{ duration('1h') }}"}
  - {name: from, run: x, foreach: {itemsFrom: "\${{ params.nested.list }}"}}
  - name: rows
    run: x
    foreach:
      rows: {path: a.csv, format: CSV, columns: [{name: id, type: string, optional: true, enum: [a, b], pattern: x, unique: true}]}
      key: \${{ item.id }}
  - {name: range, run: x, foreach: {range: {start: 1, count: "\${{ params.n }}", step: 2, format: "%05d"}}}
  - {name: matrix, run: x, foreach: {matrix: [{name: a, values: [1, 2]}, {name: b, valuesFrom: "\${{ [1] }}"}, {name: c, each: rows}]}}
  - {name: counterpart, run: x, foreach: {each: rows}}
  - {name: other, env: [{name: B, value: ""}], run: x, staging: Link, priority: 2, workdir: w, backend: process, setup: "", shell: [sh]}
  - name: last
  - run: echo unnamed`);

export const SMALL = workflow('tasks: [{name: a, run: echo}, {run: "echo ${{ tasks.a.phase }}", dependsOn: [a]}]');

export const MINIMAL =
  '{"apiVersion":"fixpoint.dev/v1alpha1","kind":"Workflow","metadata":{"name":"a"},"spec":{"tasks":[{"name":"a","run":"echo \\"x\\""}]}}';
