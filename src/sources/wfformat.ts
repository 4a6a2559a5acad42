import type { Diagnostic } from '../apis/diagnostic.ts';
import { API_VERSION } from '../apis/meta.ts';
import { printYaml } from '../apis/print-yaml.ts';
import type { OutputSpec, TaskSpec, WorkflowDocument } from '../apis/workflow.ts';
import { MAX_TASK_ENTRIES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Instance, type InstanceTask, readInstance } from './wfformat-instance.ts';
import { dataPath, taskNames, workflowName } from './wfformat-names.ts';
import { SHARED_SETUP } from './wfformat-script.ts';

// Recorded workflows of the WfCommons collection (WfFormat 1.5) as workflows that run: the same graph, the recorded
// run times burnt as CPU time, files of the recorded sizes, both scaled.

export interface WfFormatOptions {
  /** CPU seconds to burn per recorded second; 0 burns nothing. */
  readonly timeScale: number;
  /** Bytes to write per recorded byte; at 0 a file still holds the line that makes its content follow its inputs. */
  readonly sizeScale: number;
}

/** Annotation of each task: the id that the instance gave it. */
const ID_ANNOTATION = 'wfformat/id';
/** Annotation: cores that the recorded task had, where that was not one. */
const CORES_ANNOTATION = 'wfformat/cores';
/** The task that makes every file which the instance takes from outside. */
const STAGE_IN = 'stage_in';

/**
 * Makes a Workflow of an instance. Errors are diagnostics with paths into the instance.
 *
 * Edges come from files; a parent that shares no file with its child is a `dependsOn`. Every task asks for one
 * core, which is what a burn uses, and for no memory, so that an instance of a large machine runs on a small one.
 */
export function importWfFormat(json: unknown, options: WfFormatOptions): Result<WorkflowDocument, Diagnostic[]> {
  const read = readInstance(json);
  const problems = read.ok ? [] : [...read.error];
  for (const [name, scale] of Object.entries(options)) {
    if (!(Number.isFinite(scale) && scale >= 0)) {
      problems.push(problem([], `${name} is ${scale}; a number of zero or more is needed.`));
    }
  }
  if (!read.ok || problems.length > 0) return fail(problems);
  problems.push(...tooLarge(read.value, options));
  return problems.length > 0 ? fail(problems) : ok(assemble(read.value, options));
}

/** The document as YAML that every reader of YAML reads alike. */
export function toYaml(document: WorkflowDocument): string {
  return printYaml(document);
}

function problem(path: readonly (string | number)[], message: string): Diagnostic {
  return { severity: 'error', code: 'E-WFFORMAT', path, message };
}

/** What no Workflow can hold: too many tasks, and numbers that a shell would not read as integers. */
function tooLarge(instance: Instance, options: WfFormatOptions): Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (instance.tasks.length >= MAX_TASK_ENTRIES) {
    const path = ['workflow', 'specification', 'tasks'];
    problems.push(
      problem(path, `${instance.tasks.length} tasks and one more exceed MAX_TASK_ENTRIES (${MAX_TASK_ENTRIES}).`),
    );
  }
  for (const task of instance.tasks) {
    if (Number.isSafeInteger(burnMs(task, options))) continue;
    problems.push(problem(['workflow', 'execution', 'tasks'], `the scaled run time of ${task.id} is too large.`));
  }
  for (const [file, size] of instance.sizes) {
    if (Number.isSafeInteger(Math.round(size * options.sizeScale))) continue;
    problems.push(problem(['workflow', 'specification', 'files'], `the scaled size of ${file} is too large.`));
  }
  return problems;
}

function burnMs(task: InstanceTask, options: WfFormatOptions): number {
  return Math.round(task.runtimeSeconds * options.timeScale * 1000);
}

function assemble(instance: Instance, options: WfFormatOptions): WorkflowDocument {
  const names = taskNames(
    instance.tasks.map((task) => task.id),
    [STAGE_IN],
  );
  const nameOf = (id: string): string => names.get(id) ?? id;
  const external = [...instance.sizes.keys()].filter((file) => !instance.makers.has(file));
  const tasks = instance.tasks.map((task) => importTask(task, instance, options, nameOf));
  return {
    apiVersion: API_VERSION,
    kind: 'Workflow',
    metadata: {
      name: workflowName(instance.name),
      annotations: {
        'wfformat/name': instance.name,
        'wfformat/time-scale': String(options.timeScale),
        'wfformat/size-scale': String(options.sizeScale),
      },
    },
    spec: {
      defaults: { resources: { cpu: 1 }, setup: SHARED_SETUP },
      tasks: external.length === 0 ? tasks : [stageIn(external, instance, options), ...tasks],
    },
  };
}

function stageIn(files: readonly string[], instance: Instance, options: WfFormatOptions): TaskSpec {
  const made = outputsOf(files, instance, options);
  return { name: STAGE_IN, outputs: made.outputs, run: script([`begin ${STAGE_IN}`, ...made.lines]) };
}

function importTask(
  task: InstanceTask,
  instance: Instance,
  options: WfFormatOptions,
  nameOf: (id: string) => string,
): TaskSpec {
  const name = nameOf(task.id);
  const makers = new Set(task.inputs.map((file) => instance.makers.get(file)));
  const unexplained = task.parents.filter((parent) => !makers.has(parent));
  const made = outputsOf(task.outputs, instance, options);
  const hasInputs = task.inputs.length > 0;
  const cores = task.cores === undefined || task.cores === 1 ? {} : { [CORES_ANNOTATION]: String(task.cores) };
  return {
    name,
    annotations: { [ID_ANNOTATION]: task.id, ...cores },
    ...(unexplained.length > 0 ? { dependsOn: unexplained.map(nameOf) } : {}),
    ...(hasInputs ? { inputs: [{ name: 'files', paths: task.inputs.map(dataPath) }] } : {}),
    ...(made.outputs.length > 0 ? { outputs: made.outputs } : {}),
    run: script([
      `begin ${name}${hasInputs ? ' ${{ inputs.files }}' : ''}`,
      `burn_ms ${burnMs(task, options)}`,
      ...made.lines,
    ]),
  };
}

/** The declarations of outputs, and the lines of a script that write them. */
function outputsOf(
  files: readonly string[],
  instance: Instance,
  options: WfFormatOptions,
): { readonly outputs: readonly OutputSpec[]; readonly lines: readonly string[] } {
  const outputs = files.map((file, i) => ({ name: `file_${i + 1}`, path: dataPath(file) }));
  const lines = files.map((file, i) => {
    const bytes = Math.round((instance.sizes.get(file) ?? 0) * options.sizeScale);
    return `write_output file_${i + 1} ${bytes} \${{ outputs.file_${i + 1} }}`;
  });
  return { outputs, lines };
}

function script(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
