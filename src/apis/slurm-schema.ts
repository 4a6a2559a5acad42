import { MAX_LITERAL_CHARS } from '../base/limits.ts';
import type { SchemaNode } from './schema-node.ts';

const text = (description: string) =>
  ({ type: 'string', description, minLength: 1, maxLength: MAX_LITERAL_CHARS, 'x-fixpoint-text': 'text' }) as const;

/** What only Slurm has. Expressions here are late, like those of `resources`, and never enter the identity. */
export const slurmSchema = {
  type: 'object',
  description: 'Options for attempts on Slurm. Other backends take no notice of them.',
  properties: {
    partition: text('Partition, or several separated by commas.'),
    account: text('Account that is charged.'),
    qos: text('Quality of service.'),
    constraint: text('Features that the nodes must have.'),
    licenses: text('Licences: matlab:2,ansys.'),
    reservation: text('Reservation to use.'),
    exclusive: { type: 'boolean', description: 'Share the nodes with no other job.' },
    extraArgs: {
      type: 'array',
      description: 'Further options of sbatch, each one whole: --nice=100.',
      maxItems: 100,
      items: text('One option, --name or --name=value.'),
      'x-kubernetes-list-type': 'atomic',
    },
    extraOptions: text('Further options of sbatch in one text, separated by white space; quotes keep it together.'),
  },
} as const satisfies SchemaNode;
