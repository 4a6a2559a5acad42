import { WORKFLOW_PHASES } from './phases.ts';
import type { SchemaNode } from './schema-node.ts';

const text = (description: string) => ({ type: 'string', description }) as const;
const integer = (description: string) => ({ type: 'integer', description }) as const;

/** What the home reports. A user never writes it, so only the CRD and the reference page read this. */
export const workflowStatusSchema = {
  type: 'object',
  description: 'What is.',
  required: ['observedGeneration', 'phase', 'reason', 'message', 'conditions', 'counts', 'progress'],
  properties: {
    observedGeneration: integer('The generation of the spec that this status is about.'),
    phase: { type: 'string', description: 'Where the workflow stands.', enum: WORKFLOW_PHASES },
    reason: text('Why, as one word.'),
    message: text('Why, for people.'),
    conditions: {
      type: 'array',
      description: 'Conditions, one of each type.',
      items: {
        type: 'object',
        description: 'A condition.',
        required: ['type', 'status', 'reason', 'message', 'observedGeneration', 'lastTransitionTime'],
        properties: {
          type: text('What is stated.'),
          status: { type: 'string', description: 'Whether it holds.', enum: ['True', 'False', 'Unknown'] },
          reason: text('Why, as one word.'),
          message: text('Why, for people.'),
          observedGeneration: integer('The generation that it is about.'),
          lastTransitionTime: text('When status last changed, RFC 3339.'),
        },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
    counts: {
      type: 'object',
      description: 'Number of tasks in each phase.',
      additionalProperties: integer('A number of tasks.'),
    },
    progress: text('Tasks that are final and well, of all: 31/97.'),
    startTime: text('When the first attempt started, RFC 3339.'),
    finishTime: text('When the workflow ended, RFC 3339.'),
    failing: {
      type: 'array',
      description: 'Some tasks that failed.',
      items: {
        type: 'object',
        description: 'A failed task.',
        required: ['name', 'reason'],
        properties: {
          name: text("The task's key."),
          reason: text('Why, as one word.'),
          message: text('Why, for people.'),
          exitCode: integer('The exit code.'),
          attempt: integer('The number of the attempt.'),
          log: text('Where its log is.'),
        },
      },
      'x-kubernetes-list-type': 'atomic',
    },
  },
} as const satisfies SchemaNode;
