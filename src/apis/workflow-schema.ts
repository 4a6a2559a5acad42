import {
  MAX_ENUM_VALUES,
  MAX_HEADING_CHARS,
  MAX_LABELS,
  MAX_LITERAL_CHARS,
  MAX_PARAMS,
  MAX_PATTERN_CHARS,
  MAX_TASK_ENTRIES,
  MAX_TEXT_CHARS,
} from '../base/limits.ts';
import { API_VERSION } from './meta.ts';
import type { SchemaNode } from './schema-node.ts';
import { fingerprintSchema } from './task-parts-schema.ts';
import { taskDefaultsSchema, taskSchema } from './task-schema.ts';

/**
 * The Workflow resource as one schema: the only source of the validator, the CRD, the editor schema and the
 * reference page. A field is here when it works. `test/unit/apis/schema-agreement.test.ts` proves that this and
 * the types of `workflow.ts` say the same.
 */

const paramSchemaSchema = {
  type: 'object',
  description: 'What one parameter must be. Its value stands in params; one that has none is required.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description: 'The name in params.',
      minLength: 1,
      maxLength: MAX_HEADING_CHARS,
      'x-fixpoint-text': 'literal',
    },
    type: {
      type: 'string',
      description:
        'One of string int double bool path duration quantity any list<T> map<T>. Default: inferred from the value.',
      maxLength: MAX_LITERAL_CHARS,
      'x-fixpoint-text': 'literal',
      'x-fixpoint-format': 'param-type',
    },
    description: { type: 'string', description: 'For people.', maxLength: MAX_TEXT_CHARS, 'x-fixpoint-text': 'data' },
    enum: {
      type: 'array',
      description: 'The only values allowed.',
      maxItems: MAX_ENUM_VALUES,
      items: {
        description: 'Any JSON value, never evaluated.',
        'x-kubernetes-preserve-unknown-fields': true,
        'x-fixpoint-text': 'data',
      },
      'x-kubernetes-list-type': 'atomic',
    },
    pattern: {
      type: 'string',
      description: 'A regular expression (RE2) that the value matches.',
      maxLength: MAX_PATTERN_CHARS,
      'x-fixpoint-text': 'literal',
    },
    minimum: { type: 'number', description: 'The least value allowed.' },
    maximum: { type: 'number', description: 'The greatest value allowed.' },
    optional: { type: 'boolean', description: 'May have no value; it is absent then.' },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum',
      message: 'minimum is above maximum; no value is allowed',
    },
  ],
} as const satisfies SchemaNode;

export const workflowSpecSchema = {
  type: 'object',
  description: 'What is wanted.',
  required: ['tasks'],
  properties: {
    params: {
      type: 'object',
      description: 'Values by name: any JSON, never evaluated. Changed by --param and kubectl patch.',
      maxProperties: MAX_PARAMS,
      'x-kubernetes-preserve-unknown-fields': true,
      'x-fixpoint-text': 'data',
    },
    paramSchema: {
      type: 'array',
      description: 'Types and rules of parameters.',
      maxItems: MAX_PARAMS,
      items: paramSchemaSchema,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    defaults: taskDefaultsSchema,
    tasks: {
      type: 'array',
      description: 'The graph.',
      minItems: 1,
      maxItems: MAX_TASK_ENTRIES,
      items: taskSchema,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    parallelism: { type: 'integer', description: 'At most so many attempts run at once. Default: no cap.', minimum: 1 },
    priority: {
      type: 'integer',
      description: 'Between workflows: ready tasks of a higher one start first. Default 0.',
      minimum: -2_147_483_648,
      maximum: 2_147_483_647,
    },
    failurePolicy: {
      type: 'string',
      description: 'After the first unhandled failure: go on, launch nothing new, or cancel. Default Continue.',
      enum: ['Continue', 'Stop', 'Cancel'],
    },
    convergence: {
      type: 'string',
      description:
        'What a change does downstream: judge each task again by what it uses, or reset all descendants. Default Reevaluate.',
      enum: ['Reevaluate', 'ResetDescendants'],
    },
    onChangeWhileRunning: {
      type: 'string',
      description: 'An attempt whose definition changed: start again, or let it finish. Default Restart.',
      enum: ['Restart', 'Finish'],
    },
    prune: {
      type: 'string',
      description: 'Tasks that left the spec. Default Delete.',
      enum: ['Delete', 'Keep'],
    },
    approval: {
      type: 'object',
      description: 'Hold a plan that would discard more than either.',
      properties: {
        discardedTasks: { type: 'integer', description: 'Finished tasks.', minimum: 0 },
        discardedCoreHours: { type: 'integer', description: 'Core hours that they took.', minimum: 0 },
      },
    },
    workdir: {
      type: 'string',
      description: 'What relative paths are relative to. Default: the folder of the file.',
      minLength: 1,
      maxLength: MAX_LITERAL_CHARS,
      'x-fixpoint-text': 'literal',
    },
    fingerprint: fingerprintSchema,
    watchInputs: { type: 'boolean', description: 'Act on changed external inputs without a new apply.' },
    suspend: { type: 'boolean', description: 'Launch nothing new.' },
  },
} as const satisfies SchemaNode;

const anyMap = (description: string) =>
  ({ type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true }) as const;
const anyList = (description: string) =>
  ({
    type: 'array',
    description,
    items: { description: 'An entry.', 'x-kubernetes-preserve-unknown-fields': true },
    'x-kubernetes-list-type': 'atomic',
  }) as const;
const text = (description: string) => ({ type: 'string', description }) as const;
const texts = (description: string) =>
  ({ type: 'object', description, maxProperties: MAX_LABELS, additionalProperties: text('A value.') }) as const;

/** What `kubectl get -o yaml` prints may be applied again, so every field of Kubernetes' metadata is known. */
const metadataSchema = {
  type: 'object',
  description: "Kubernetes' object metadata.",
  required: ['name'],
  properties: {
    name: { ...text('Unique in its namespace.'), 'x-fixpoint-text': 'literal' },
    namespace: { ...text('Default default.'), 'x-fixpoint-text': 'literal' },
    labels: texts('For selectors.'),
    annotations: texts('For people and programs.'),
    uid: text('Set by the home.'),
    generation: { type: 'integer', description: 'Set by the home; counts changes of the spec.' },
    resourceVersion: text('Set by the home; changes with every write.'),
    creationTimestamp: text('Set by the home.'),
    deletionTimestamp: text('Set by the home.'),
    deletionGracePeriodSeconds: { type: 'integer', description: 'Not used.' },
    finalizers: { ...anyList('What must happen before the resource is gone.') },
    ownerReferences: anyList('What owns the resource.'),
    managedFields: anyList('Who set which field.'),
    selfLink: text('Not used.'),
  },
} as const satisfies SchemaNode;

/** The document, as a file holds it. */
export const workflowSchema = {
  type: 'object',
  description: 'A workflow: tasks, what they need of one another, and what they run.',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { type: 'string', description: 'fixpoint.dev/v1alpha1', enum: [API_VERSION] },
    kind: { type: 'string', description: 'Workflow', enum: ['Workflow'] },
    metadata: metadataSchema,
    spec: workflowSpecSchema,
    status: anyMap('Written by the home; ignored in a file.'),
  },
} as const satisfies SchemaNode;

const { items: _task, ...outerTasks } = workflowSpecSchema.properties.tasks;

/** The spec without what is in its tasks, which are checked one by one. */
export const outerSpecSchema: SchemaNode = {
  ...workflowSpecSchema,
  properties: { ...workflowSpecSchema.properties, tasks: outerTasks },
};

export const outerWorkflowSchema: SchemaNode = {
  ...workflowSchema,
  properties: { ...workflowSchema.properties, spec: outerSpecSchema },
};
