import type { Diagnostic } from '../apis/diagnostic.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';

// Reads a WfFormat 1.5 instance out of unknown JSON: checks the shape of what the import uses, and nothing else.

/** A recorded workflow, checked: every file has a size, every file has at most one maker, every parent exists. */
export interface Instance {
  readonly name: string;
  /** In the order of the instance; ids are unique. */
  readonly tasks: readonly InstanceTask[];
  /** File id → recorded size in bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** File id → id of the task that makes it; a file without a maker comes from outside. */
  readonly makers: ReadonlyMap<string, string>;
}

export interface InstanceTask {
  readonly id: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Ids of the tasks named as parents, or that name this one as their child. */
  readonly parents: readonly string[];
  /** Recorded wall time in seconds; 0 where the instance has no execution record of the task. */
  readonly runtimeSeconds: number;
  readonly cores: number | undefined;
}

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

/** The one schema version that is read: earlier ones have another layout. */
const SCHEMA_VERSION = '1.5';

export function readInstance(json: unknown): Result<Instance, Diagnostic[]> {
  const reader = new Reader();
  const root = reader.fields(json, []);
  if (root.schemaVersion !== SCHEMA_VERSION) {
    const found = JSON.stringify(root.schemaVersion) ?? 'missing';
    reader.problem(['schemaVersion'], `the schema version is ${found}; WfFormat ${SCHEMA_VERSION} is read.`);
    return fail(reader.problems);
  }
  const workflow = reader.fields(root.workflow, ['workflow']);
  const specification = reader.fields(workflow.specification, ['workflow', 'specification']);
  const records = readRecords(reader, workflow.execution);
  const sizes = readSizes(reader, specification.files);
  const tasks = readTasks(reader, specification.tasks, sizes, records);
  const makers = checkLinks(reader, tasks);
  if (reader.problems.length > 0) return fail(reader.problems);
  return ok({ name: typeof root.name === 'string' ? root.name : '', tasks: [...tasks.values()], sizes, makers });
}

interface ExecutionRecord {
  readonly runtimeSeconds: number;
  readonly cores: number | undefined;
}

function readRecords(reader: Reader, execution: unknown): ReadonlyMap<string, ExecutionRecord> {
  const records = new Map<string, ExecutionRecord>();
  if (execution === undefined) return records;
  const path = ['workflow', 'execution', 'tasks'];
  for (const [i, value] of reader.list(reader.fields(execution, path.slice(0, 2)).tasks, path).entries()) {
    const at = [...path, i];
    const record = reader.fields(value, at);
    const id = reader.text(record.id, [...at, 'id']);
    const runtimeSeconds = reader.amount(record.runtimeInSeconds, [...at, 'runtimeInSeconds']);
    const cores = record.coreCount === undefined ? undefined : reader.amount(record.coreCount, [...at, 'coreCount']);
    records.set(id, { runtimeSeconds, cores });
  }
  return records;
}

function readSizes(reader: Reader, files: unknown): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const path = ['workflow', 'specification', 'files'];
  for (const [i, value] of reader.list(files ?? [], path).entries()) {
    const file = reader.fields(value, [...path, i]);
    const id = reader.text(file.id, [...path, i, 'id']);
    const size = reader.amount(file.sizeInBytes, [...path, i, 'sizeInBytes']);
    const before = sizes.get(id);
    if (before !== undefined && before !== size) {
      reader.problem([...path, i, 'id'], `the file ${id} is listed twice, with ${before} and ${size} bytes.`);
    }
    sizes.set(id, size);
  }
  return sizes;
}

function readTasks(
  reader: Reader,
  list: unknown,
  sizes: ReadonlyMap<string, number>,
  records: ReadonlyMap<string, ExecutionRecord>,
): ReadonlyMap<string, InstanceTask & { parents: string[]; children: readonly string[] }> {
  const tasks = new Map<string, InstanceTask & { parents: string[]; children: readonly string[] }>();
  const path = ['workflow', 'specification', 'tasks'];
  const entries = reader.list(list, path);
  if (entries.length === 0) reader.problem(path, 'the instance has no tasks.');
  for (const [i, value] of entries.entries()) {
    const at = [...path, i];
    const task = reader.fields(value, at);
    const id = reader.text(task.id, [...at, 'id']);
    if (tasks.has(id)) reader.problem([...at, 'id'], `two tasks have the id ${id}.`);
    const links = (field: string): string[] => reader.ids(task[field] ?? [], [...at, field]);
    const inputs = links('inputFiles');
    const outputs = links('outputFiles');
    for (const [field, files] of Object.entries({ inputFiles: inputs, outputFiles: outputs })) {
      for (const file of files) {
        if (!sizes.has(file))
          reader.problem([...at, field], `the file ${file} is not in workflow.specification.files.`);
      }
    }
    const record = records.get(id) ?? { runtimeSeconds: 0, cores: undefined };
    tasks.set(id, { id, inputs, outputs, parents: links('parents'), children: links('children'), ...record });
  }
  return tasks;
}

/** Completes parents from children, and finds the maker of each file. */
function checkLinks(
  reader: Reader,
  tasks: ReadonlyMap<string, InstanceTask & { parents: string[]; children: readonly string[] }>,
): ReadonlyMap<string, string> {
  const makers = new Map<string, string>();
  const parents = new Map([...tasks].map(([id, task]) => [id, new Set(task.parents)]));
  const path = ['workflow', 'specification', 'tasks'];
  let i = 0;
  for (const task of tasks.values()) {
    const inputs = new Set(task.inputs);
    for (const file of task.outputs) {
      const other = makers.get(file);
      if (other !== undefined)
        reader.problem([...path, i, 'outputFiles'], `${file} is made by ${other} and ${task.id}.`);
      if (inputs.has(file)) reader.problem([...path, i, 'outputFiles'], `${file} is both read and made by ${task.id}.`);
      makers.set(file, task.id);
    }
    for (const parent of task.parents) {
      if (!tasks.has(parent)) reader.problem([...path, i, 'parents'], `there is no task ${parent}.`);
    }
    for (const child of task.children) {
      const known = parents.get(child);
      if (known === undefined) reader.problem([...path, i, 'children'], `there is no task ${child}.`);
      else known.add(task.id);
    }
    i += 1;
  }
  for (const task of tasks.values()) task.parents = [...(parents.get(task.id) ?? [])];
  return makers;
}

/** Takes JSON apart and keeps what it finds wrong; a value of the wrong kind reads as an empty one. */
class Reader {
  readonly problems: Diagnostic[] = [];

  problem(path: Path, message: string): void {
    if (this.problems.length < MAX_DIAGNOSTICS)
      this.problems.push({ severity: 'error', code: 'E-WFFORMAT', path, message });
  }

  fields(value: unknown, path: Path): Fields {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
    this.problem(path, 'an object is needed here.');
    return {};
  }

  list(value: unknown, path: Path): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.problem(path, 'a list is needed here.');
    return [];
  }

  /** A non-empty id. An expression in it would be evaluated once it stands in a Workflow. */
  text(value: unknown, path: Path): string {
    if (typeof value !== 'string' || value === '') this.problem(path, 'a non-empty string is needed here.');
    else if (value.includes('${{')) this.problem(path, 'an id cannot hold an expression.');
    else if (/\p{Surrogate}|\0/u.test(value)) this.problem(path, 'an id must be valid Unicode without NUL.');
    return typeof value === 'string' ? value : '';
  }

  /** Distinct ids, in order of first appearance. */
  ids(value: unknown, path: Path): string[] {
    return [...new Set(this.list(value, path).map((id, i) => this.text(id, [...path, i])))];
  }

  amount(value: unknown, path: Path): number {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
    this.problem(path, 'a number of zero or more is needed here.');
    return 0;
  }
}
