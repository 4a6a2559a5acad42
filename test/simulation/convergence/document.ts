import { API_VERSION, FOLDER_ANNOTATION } from '../../../src/apis/meta.ts';
import type { TaskSpec, WorkflowDocument } from '../../../src/apis/workflow.ts';
import type { Model, ModelTask, ScriptFile } from './model.ts';
import { PARTIAL } from './model.ts';

/** The model as a document that a user would write. */
export function documentOf(model: Model, folder: string): WorkflowDocument {
  return {
    apiVersion: API_VERSION,
    kind: 'Workflow',
    metadata: { name: 'converge', namespace: 'default', annotations: { [FOLDER_ANNOTATION]: folder } },
    spec: {
      params: model.params,
      ...(model.setup === undefined ? {} : { defaults: { setup: model.setup } }),
      tasks: model.tasks.map(specOf),
    },
  };
}

function specOf(task: ModelTask): TaskSpec {
  const inputs = task.inputs.map(({ name, paths, list }) =>
    list ? { name, paths } : { name, path: paths[0] as string },
  );
  return {
    name: task.name,
    ...(task.flavour === 'Gate' ? {} : { run: runOf(task) }),
    ...(inputs.length > 0 ? { inputs } : {}),
    ...(task.outputs.length > 0 ? { outputs: task.outputs } : {}),
    ...(task.dependsOn.length > 0 ? { dependsOn: task.dependsOn } : {}),
    ...(task.after.length > 0 ? { after: task.after } : {}),
    ...(task.flavour === 'Gate' ? {} : { resources: { cpu: task.cpu } }),
    ...(task.retry > 0 ? { retry: { limit: task.retry, backoff: { initial: '0s' } } } : {}),
  };
}

function runOf(task: ModelTask): string {
  const lines = [
    ...Array.from({ length: task.comments }, (_, i) => `${' '.repeat(i % 3)}# comment ${i}`),
    ...(task.flavour === 'Script' ? [] : prologue(task)),
    ...bodyOf(task),
    ...(task.comments > 0 ? ['  # the end'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function prologue(task: ModelTask): string[] {
  const half = task.outputs[0];
  return [
    ...(task.sleep === '' ? [] : [...locks(task), `sleep ${task.sleep}`]),
    ...Array.from({ length: task.cosmetic }, (_, i) => `: no effect ${i}`),
    ...(task.fails === 'Late' && half ? [`printf '${PARTIAL.trimEnd()}\\n' > \${{ outputs.${half.name} }}`] : []),
    ...(task.fails === 'No' ? [] : ['exit 1']),
  ];
}

/** While it lives, a task holds its own lock alone and those of what it reads with others: two alive are seen. */
function locks(task: ModelTask): string[] {
  const own = task.outputs.map(({ path }) => ({ path, how: '-x' }));
  const read = task.inputs.flatMap(({ paths }) => paths.map((path) => ({ path, how: '-s' })));
  return [...own, ...read].flatMap(({ path, how }) => [
    `exec {held}>> locks/${path}`,
    `flock -n ${how} $held || printf '%s\\n' ${task.name}:${path} >> violations`,
  ]);
}

function bodyOf(task: ModelTask): string[] {
  const read = [
    ...task.inputs.map(({ name }) => `\${{ inputs.${name} }}`),
    ...task.mentions.map(({ task: upstream, output }) => `\${{ tasks.${upstream}.outputs.${output} }}`),
  ];
  const params = task.params.map((name) => `\${{ params.${name} }}`);
  const [first, ...more] = task.outputs;
  const write = (i: number, name: string): string =>
    task.flavour === 'Bit' || i > 0
      ? `printf '%s\\n' "$((0x\${sum:${i}:1} >> 3))" > \${{ outputs.${name} }}`
      : `printf '%s\\n' "\${sum:0:8}" > \${{ outputs.${name} }}`;
  switch (task.flavour) {
    case 'Gate':
      return [];
    case 'Recorded': {
      const label = [task.label, ...(task.salt === 's0' ? [] : [task.salt]), ...params].join('-');
      return [
        ['begin', label, ...read].join(' '),
        ...(task.label === 'stage_in' ? [] : ['burn_ms 0']),
        ...task.outputs.map(({ name }) => `write_output ${name} 0 \${{ outputs.${name} }}`),
      ];
    }
    case 'Script': {
      const words = [
        task.fails,
        String(task.cosmetic),
        `\${{ outputs.${first?.name} }}`,
        task.salt,
        String(params.length),
      ];
      return [[`./${task.script}`, ...words, ...params, ...read].join(' ')];
    }
    case 'Const':
      return [
        [':', ...params].join(' '),
        ['cat /dev/null', ...read, '> /dev/null'].join(' '),
        ...task.outputs.map(({ name }) => `printf '%s\\n' ${task.salt} > \${{ outputs.${name} }}`),
      ];
    case 'Nothing':
      return [`: ${task.salt} ${params.join(' ')}`, ['cat /dev/null', ...read].join(' ')];
    case 'Hash':
    case 'Bit':
      return [
        `sum=$({ printf '%s\\n' ${[task.salt, ...params].join(' ')}; ${['cat /dev/null', ...read].join(' ')}; } | sha256sum)`,
        ...(first ? [write(0, first.name)] : []),
        ...more.map(({ name }, i) => write(i + 1, name)),
      ];
  }
}

/** A tracked script: OUT, salt, number of parameters, parameters, files. */
export function scriptText({ version, cosmetic }: ScriptFile): string {
  return `#!/bin/bash
# edited ${cosmetic} times
set -eu
fails=$1 out=$3
values="$4"$'\\n'
count=$5
shift 5
for ((i = 0; i < count; i++)); do values="$values$1"$'\\n'; shift; done
if [ "$fails" = Late ]; then printf 'partial\\n' > "$out"; fi
if [ "$fails" != No ]; then exit 1; fi
sum=$({ printf '%sv${version}\\n' "$values"; cat /dev/null "$@"; } | sha256sum)
printf '%s\\n' "\${sum:0:8}" > "$out"
`;
}
