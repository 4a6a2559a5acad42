import {
  MAX_ENUM_VALUES,
  MAX_ENV_NAME_CHARS,
  MAX_EXIT_CODES,
  MAX_FANOUT_ELEMENTS,
  MAX_HEADING_CHARS,
  MAX_LITERAL_CHARS,
  MAX_MATRIX_AXES,
  MAX_PATTERN_CHARS,
  MAX_RETRY_REASONS,
  MAX_SHEET_COLUMNS,
  MAX_TEXT_CHARS,
} from '../base/limits.ts';
import { FAILURE_REASONS } from './reasons.ts';
import { ENV_NAME_PATTERN, NAME_PATTERN, type SchemaNode } from './schema-node.ts';

const name = (description: string) =>
  ({
    type: 'string',
    description,
    pattern: NAME_PATTERN,
    'x-fixpoint-text': 'literal',
    'x-fixpoint-format': 'name',
  }) as const;

const text = (description: string) =>
  ({ type: 'string', description, maxLength: MAX_TEXT_CHARS, 'x-fixpoint-text': 'text' }) as const;

/** A place in the file system; the empty text is none. */
const place = (description: string) => ({ ...text(description), minLength: 1 }) as const;

const literal = (description: string) =>
  ({ type: 'string', description, maxLength: MAX_LITERAL_CHARS, 'x-fixpoint-text': 'literal' }) as const;

const expression = (description: string) =>
  ({ type: 'string', description, maxLength: MAX_TEXT_CHARS, 'x-fixpoint-text': 'expression' }) as const;

const flag = (description: string) => ({ type: 'boolean', description }) as const;

const amount = (description: string, format: 'integer' | 'quantity' | 'count') =>
  ({
    description,
    maxLength: MAX_TEXT_CHARS,
    'x-kubernetes-int-or-string': true,
    'x-fixpoint-text': 'text',
    'x-fixpoint-format': format,
  }) as const;

const anyValue = {
  description: 'Any JSON value, never evaluated.',
  'x-kubernetes-preserve-unknown-fields': true,
  'x-fixpoint-text': 'data',
} as const;

const fileType = {
  type: 'string',
  description: 'What is expected at the path. A directory counts as the sorted names and digests of its files.',
  enum: ['File', 'Directory'],
} as const;

export const fingerprintSchema = {
  type: 'string',
  description: 'How a file is compared: by its content, or by size and time of change.',
  enum: ['Content', 'Stat'],
} as const;

export const inputSchema = {
  type: 'object',
  description: 'A file or directory that the task reads. Exactly one of path, paths and glob.',
  required: ['name'],
  properties: {
    name: name('The task reads it as inputs.NAME.'),
    path: place(
      "One path, relative to the workflow's directory. If another task declares it as output, that is an edge.",
    ),
    paths: {
      type: 'array',
      description: 'Several paths. An entry that is exactly one expression of a list type is spliced in.',
      maxItems: MAX_FANOUT_ELEMENTS,
      items: text('One path, or one expression that gives a list of them.'),
      'x-kubernetes-list-type': 'atomic',
    },
    glob: place('A pattern: * ? [..] {a,b} **. The matching paths, sorted.'),
    type: fileType,
    optional: flag('If nothing is there the input is absent, not an error.'),
    external: flag('Somebody else makes it: it need not exist when the workflow is applied, only at launch.'),
    fingerprint: fingerprintSchema,
  },
  'x-fixpoint-one-of': ['path', 'paths', 'glob'],
} as const satisfies SchemaNode;

export const outputSchema = {
  type: 'object',
  description:
    'A file or directory that the task makes; missing after success is a failure. Exactly one of path and glob.',
  required: ['name'],
  properties: {
    name: name('Others read it as tasks.TASK.outputs.NAME.'),
    path: place("Relative to the task's workdir. Must differ between tasks and between elements of a fan-out."),
    glob: place('A pattern: * ? [..] {a,b} **. The matching paths, sorted.'),
    type: fileType,
    optional: flag('May be missing after success; it is absent then.'),
    keepPartial: flag('Leave what an earlier attempt made in place, for tools that continue from it.'),
    fingerprint: fingerprintSchema,
  },
  'x-fixpoint-one-of': ['path', 'glob'],
} as const satisfies SchemaNode;

const keyOf = (description: string) =>
  ({
    type: 'object',
    description,
    required: ['name', 'key'],
    properties: {
      name: { ...literal('Its name.'), minLength: 1 },
      key: { ...literal('Which of its keys.'), minLength: 1 },
    },
  }) as const;

export const envSchema = {
  type: 'object',
  description: 'An environment variable. Exactly one of value and valueFrom.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description: 'The name of the variable.',
      pattern: ENV_NAME_PATTERN,
      maxLength: MAX_ENV_NAME_CHARS,
      'x-fixpoint-text': 'literal',
      'x-fixpoint-format': 'env-name',
    },
    value: text('Its value.'),
    valueFrom: {
      type: 'object',
      description:
        'Where a pod gets its value from, in its own namespace. The reference counts in the identity, the value does not. Exactly one of secretKeyRef and configMapKeyRef.',
      properties: {
        secretKeyRef: keyOf('A key of a Secret.'),
        configMapKeyRef: keyOf('A key of a ConfigMap.'),
      },
      'x-fixpoint-one-of': ['secretKeyRef', 'configMapKeyRef'],
    },
    identity: {
      type: 'string',
      description: 'Exclude: a change of the value does not re-run the task. Default Include.',
      enum: ['Include', 'Exclude'],
    },
  },
  'x-fixpoint-one-of': ['value', 'valueFrom'],
} as const satisfies SchemaNode;

export const fileSchema = {
  type: 'object',
  description: 'A file written before the command starts.',
  required: ['name', 'content'],
  properties: {
    name: name('The task reads its path as files.NAME.'),
    content: text('What is written.'),
    path: place("Relative to the task's workdir. Without it the file lies in the attempt's folder."),
    mode: { ...literal('Permissions in octal, quoted: "0644".'), 'x-fixpoint-format': 'mode' },
  },
} as const satisfies SchemaNode;

export const resourcesSchema = {
  type: 'object',
  description: 'What one attempt needs. Expressions here are late: they may use attempt, and never enter the identity.',
  properties: {
    cpu: amount('Cores: 2, 500m, "0.5", or an expression.', 'quantity'),
    memory: amount('Bytes, with a unit: 16Gi, 1.5G, or an expression.', 'quantity'),
    gpu: amount('Whole devices, or an expression.', 'count'),
    walltime: {
      ...text('How long an attempt may run: 12h, "12:30:00", "1-12:30:00", or an expression.'),
      'x-fixpoint-format': 'walltime',
    },
  },
} as const satisfies SchemaNode;

const duration = (description: string) => ({ ...literal(description), 'x-fixpoint-format': 'duration' }) as const;

export const retrySchema = {
  type: 'object',
  description: 'When a failed attempt is followed by another.',
  properties: {
    limit: {
      type: 'integer',
      description: 'Extra attempts after the first. Default 0.',
      minimum: 0,
      maximum: 1000,
    },
    backoff: {
      type: 'object',
      description: 'How long to wait between attempts.',
      properties: {
        initial: duration('Before the second attempt. Default 1s.'),
        factor: {
          type: 'number',
          description: 'Each further wait is this many times as long. Default 2.',
          minimum: 1,
          maximum: 100,
        },
        max: duration('No wait is longer. Default 5m.'),
        jitter: {
          type: 'number',
          description: 'The part of a wait that is left to chance, 0 to 1. Default 0.1.',
          minimum: 0,
          maximum: 1,
        },
      },
    },
    reasons: {
      type: 'array',
      description: 'Only failures for these reasons are retried. Default: all.',
      maxItems: MAX_RETRY_REASONS,
      items: { ...literal('Why an attempt failed.'), enum: [...FAILURE_REASONS] },
      'x-kubernetes-list-type': 'set',
    },
    exitCodes: {
      type: 'array',
      description: 'Only these exit codes are retried. Default: all.',
      maxItems: MAX_EXIT_CODES,
      items: { type: 'integer', description: 'An exit code.', minimum: 0, maximum: 255 },
      'x-kubernetes-list-type': 'atomic',
    },
  },
} as const satisfies SchemaNode;

const columnSchema = {
  type: 'object',
  description: 'What the cells of one column are.',
  required: ['name'],
  properties: {
    name: { ...literal('The heading of the column.'), minLength: 1, maxLength: MAX_HEADING_CHARS },
    type: {
      ...literal('A type such as string, int, double, bool, path. Default string.'),
      'x-fixpoint-format': 'param-type',
    },
    optional: flag('An empty cell is absent, not an error.'),
    enum: {
      type: 'array',
      description: 'The only values allowed.',
      maxItems: MAX_ENUM_VALUES,
      items: anyValue,
      'x-kubernetes-list-type': 'atomic',
    },
    pattern: { ...literal('A regular expression (RE2) that every cell matches.'), maxLength: MAX_PATTERN_CHARS },
    unique: flag('No two rows share a value.'),
  },
} as const satisfies SchemaNode;

const axisSchema = {
  type: 'object',
  description: 'One axis of a product. Exactly one of values, valuesFrom and each.',
  required: ['name'],
  properties: {
    name: name('Elements read it as item.NAME.'),
    values: {
      type: 'array',
      description: "The axis's values, written out.",
      maxItems: MAX_FANOUT_ELEMENTS,
      items: anyValue,
      'x-kubernetes-list-type': 'atomic',
    },
    valuesFrom: expression('One expression that gives a list.'),
    each: literal('The name of another fan-out: its elements, their keys, and an edge to each.'),
  },
  'x-fixpoint-one-of': ['values', 'valuesFrom', 'each'],
} as const satisfies SchemaNode;

export const foreachSchema = {
  type: 'object',
  description: 'Makes one task for each element. Exactly one of items, itemsFrom, rows, range, matrix and each.',
  properties: {
    items: {
      type: 'array',
      description: 'The elements, written out. Objects need key.',
      maxItems: MAX_FANOUT_ELEMENTS,
      items: anyValue,
      'x-kubernetes-list-type': 'atomic',
    },
    itemsFrom: expression('One expression that gives a list.'),
    rows: {
      type: 'object',
      description: 'One element for each row of a table; needs key.',
      required: ['path'],
      properties: {
        path: place("The table, relative to the workflow's directory."),
        format: {
          type: 'string',
          description: 'Default: by the extension of the path.',
          enum: ['CSV', 'TSV', 'JSON', 'YAML'],
        },
        columns: {
          type: 'array',
          description: 'Types and rules of columns; cells of other columns are strings.',
          maxItems: MAX_SHEET_COLUMNS,
          items: columnSchema,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
      },
    },
    range: {
      type: 'object',
      description: 'Whole numbers: start, start + step, … (count of them).',
      required: ['count'],
      properties: {
        start: amount('The first one. Default 0.', 'integer'),
        count: amount('How many.', 'integer'),
        step: amount('From one to the next. Default 1.', 'integer'),
        format: {
          ...literal('How the key is written: "%05d" pads with zeros.'),
          pattern: '^[^%]*%(?:0[0-9]{1,2}|[0-9]{0,2})d[^%]*$',
        },
      },
      'x-kubernetes-validations': [
        { rule: 'type(self.count) != int || self.count >= 0', message: 'count must not be below 0' },
        { rule: '!has(self.step) || type(self.step) != int || self.step != 0', message: 'step must not be 0' },
      ],
    },
    matrix: {
      type: 'array',
      description: 'The product of several axes, the last one fastest.',
      minItems: 1,
      maxItems: MAX_MATRIX_AXES,
      items: axisSchema,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    each: literal('The name of another fan-out: the same elements and keys, and an edge to the counterpart alone.'),
    key: text('The name of an element, unique among them.'),
    parallelism: { type: 'integer', description: 'At most so many elements run at once.', minimum: 1 },
  },
  'x-fixpoint-one-of': ['items', 'itemsFrom', 'rows', 'range', 'matrix', 'each'],
  'x-kubernetes-validations': [
    { rule: '!has(self.rows) || has(self.key)', message: 'rows needs key: rows are not addressed by position' },
    {
      rule: '!has(self.each) || !has(self.key)',
      message: 'each takes over the keys of the other fan-out; no key is written beside it',
    },
  ],
} as const satisfies SchemaNode;
