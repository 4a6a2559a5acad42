import {
  MAX_ANNOTATION_CHARS,
  MAX_COMMAND_WORDS,
  MAX_ENV_ENTRIES,
  MAX_FILE_ENTRIES,
  MAX_LABELS,
  MAX_LITERAL_CHARS,
  MAX_SHELL_WORDS,
  MAX_TASK_ENTRIES,
  MAX_TEXT_CHARS,
} from '../base/limits.ts';
import { podSchema } from './pod-schema.ts';
import { LABEL_VALUE_PATTERN, NAME_PATTERN, type SchemaNode } from './schema-node.ts';
import { slurmSchema } from './slurm-schema.ts';
import {
  envSchema,
  fileSchema,
  foreachSchema,
  inputSchema,
  outputSchema,
  resourcesSchema,
  retrySchema,
} from './task-parts-schema.ts';

/** Names of tasks, or globs over them. */
const taskNames = (description: string) =>
  ({
    type: 'array',
    description,
    maxItems: MAX_TASK_ENTRIES,
    items: {
      type: 'string',
      description: 'A name, or a glob: * ? [..] {a,b}.',
      minLength: 1,
      maxLength: MAX_LITERAL_CHARS,
      'x-fixpoint-text': 'literal',
    },
    'x-kubernetes-list-type': 'set',
  }) as const;

const text = (description: string) =>
  ({ type: 'string', description, maxLength: MAX_TEXT_CHARS, 'x-fixpoint-text': 'text' }) as const;

const words = (description: string) =>
  ({
    type: 'array',
    description,
    maxItems: MAX_COMMAND_WORDS,
    items: text('One word. Exactly one expression of a list type is spliced in.'),
    'x-kubernetes-list-type': 'atomic',
  }) as const;

const freeMap = <const Value extends Pick<SchemaNode, 'pattern' | 'maxLength'>>(description: string, value: Value) =>
  ({
    type: 'object',
    description,
    maxProperties: MAX_LABELS,
    additionalProperties: { type: 'string', description: 'A value.', ...value, 'x-fixpoint-text': 'literal' },
  }) as const;

const listMap = <const Items extends SchemaNode>(description: string, maxItems: number, items: Items) =>
  ({
    type: 'array',
    description,
    maxItems,
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  }) as const;

const defaultsProperties = {
  shell: {
    type: 'array',
    description: "Words to which the script's path is appended. Default bash -euo pipefail.",
    minItems: 1,
    maxItems: MAX_SHELL_WORDS,
    items: { type: 'string', description: 'One word.', maxLength: MAX_LITERAL_CHARS, 'x-fixpoint-text': 'literal' },
    'x-kubernetes-list-type': 'atomic',
  },
  setup: {
    type: 'string',
    description: 'Shell text before the command, in the same shell (module load …).',
    maxLength: MAX_TEXT_CHARS,
    'x-fixpoint-text': 'script',
  },
  env: listMap('Environment variables.', MAX_ENV_ENTRIES, envSchema),
  resources: resourcesSchema,
  retry: retrySchema,
  image: text('Container image, where the backend runs any. "" cancels a default.'),
  backend: {
    type: 'string',
    description: 'What runs the task. Default process.',
    minLength: 1,
    maxLength: MAX_LITERAL_CHARS,
    'x-fixpoint-text': 'literal',
  },
  priority: {
    type: 'integer',
    description: 'Ready tasks with a higher one start first. Default 0.',
    minimum: -2_147_483_648,
    maximum: 2_147_483_647,
  },
  workdir: text("Where the command runs, relative to the workflow's directory. Created if missing."),
  staging: {
    type: 'string',
    description:
      'Shared: run in the workdir. Link: in a folder of its own, inputs linked in, declared outputs moved out.',
    enum: ['Shared', 'Link'],
  },
  slurm: slurmSchema,
  pod: podSchema,
} as const satisfies Record<string, SchemaNode>;

export const taskDefaultsSchema = {
  type: 'object',
  description: 'Fields that are merged under every task.',
  properties: defaultsProperties,
} as const satisfies SchemaNode;

export const taskSchema = {
  type: 'object',
  description: 'One task. Its body is run, or command with args; without a body it is a gate.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description: 'Unique in the workflow. A file may leave it out; a name is then made from the content.',
      pattern: NAME_PATTERN,
      'x-fixpoint-text': 'literal',
      'x-fixpoint-format': 'task-name',
    },
    labels: freeMap('For selectors.', { pattern: LABEL_VALUE_PATTERN, maxLength: MAX_LITERAL_CHARS }),
    annotations: freeMap('For people and programs; holds foreign ids.', { maxLength: MAX_ANNOTATION_CHARS }),
    movedFrom: {
      type: 'string',
      description: 'Adopt the record of the task that had this key, where a rename cannot be recognised.',
      minLength: 1,
      maxLength: MAX_LITERAL_CHARS,
      'x-fixpoint-text': 'literal',
      'x-fixpoint-format': 'key',
    },
    run: {
      type: 'string',
      description: 'A shell script. Values of expressions reach it as quoted words, never as text.',
      maxLength: MAX_TEXT_CHARS,
      'x-fixpoint-text': 'script',
    },
    command: { ...words('The program and its first arguments, seen by no shell.'), minItems: 1 },
    args: words('Further arguments.'),
    files: listMap('Files written before the command.', MAX_FILE_ENTRIES, fileSchema),
    stdin: text('Read from this path.'),
    stdout: text('Written to this path; logs are kept anyway.'),
    stderr: text('Written to this path; logs are kept anyway.'),
    inputs: listMap('Files read; they make edges.', MAX_FILE_ENTRIES, inputSchema),
    outputs: listMap('Files made.', MAX_FILE_ENTRIES, outputSchema),
    dependsOn: taskNames('Tasks that come first; whenever one of them runs again, so does this one.'),
    after: taskNames('Tasks that come first; order only.'),
    requiredBy: taskNames('The same as dependsOn, written at the other end.'),
    triggerRule: {
      type: 'string',
      description: 'What must have become of the upstreams. Default NoneFailed.',
      enum: ['NoneFailed', 'AllSucceeded', 'AllFinished', 'AnySucceeded', 'AnyFailed', 'AllFailed'],
    },
    allowFailure: { type: 'boolean', description: "The task's failure does not fail the workflow." },
    foreach: foreachSchema,
    resetAlso: {
      type: 'object',
      description: 'Reset together with this task.',
      properties: {
        tasks: taskNames('These tasks.'),
        upstream: {
          type: 'string',
          description: 'And its direct, or all, upstreams. Default None.',
          enum: ['None', 'Parents', 'Ancestors'],
        },
      },
    },
    ...defaultsProperties,
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.run) || !(has(self.command) || has(self.args))',
      message: 'command and args stand beside run; a task has one body',
    },
    { rule: '!has(self.args) || has(self.run) || has(self.command)', message: 'args needs command' },
  ],
} as const satisfies SchemaNode;
