import type { Reference } from './references.ts';
import { celType } from './types.ts';

/** What may stand at one place of a document, and of which type it is. Types as CEL or as documents name them. */
export interface Place {
  /** For messages: `tasks.align.inputs.bam`, `when`. */
  readonly field: string;
  readonly params: ReadonlyMap<string, string>;
  /** Type of the element, or of each of its columns; undefined: there is no element here. */
  readonly item?: string | ReadonlyMap<string, string>;
  readonly key: boolean;
  /** Tasks in scope; undefined: tasks cannot be mentioned in this field. */
  readonly tasks?: ReadonlyMap<string, TaskPlace>;
  /** Tasks that exist but cannot be seen from here, and the group each is in. */
  readonly hidden?: ReadonlyMap<string, string>;
  readonly inputs?: ReadonlyMap<string, 'path' | 'list'>;
  readonly outputs?: ReadonlyMap<string, 'path' | 'list'>;
  readonly files?: ReadonlyMap<string, 'path' | 'list'>;
  /** Whether late names (resources, attempt, workflow.uid, workflow.dir, filesize) may stand here. */
  readonly late: boolean;
  /** Instead of the list of names allowed here, in the message about a late one. */
  readonly lateHint?: string;
  readonly expect?: 'bool' | 'list' | 'int' | 'string' | 'scalar';
}

export interface TaskPlace {
  readonly outputs: ReadonlyMap<string, 'path' | 'list'>;
  readonly fanOut: boolean;
}

const RESOURCE_TYPES: ReadonlyMap<string, string> = new Map([
  ['cpu', 'int'],
  ['gpu', 'int'],
  ['nodes', 'int'],
  ['ranksPerNode', 'int'],
  ['memory', 'dyn'],
  ['disk', 'dyn'],
  ['walltime', 'dyn'],
  ['gpuType', 'string'],
]);
const ATTEMPT_TYPES: ReadonlyMap<string, string> = new Map([
  ['number', 'int'],
  ['restart', 'int'],
  ['dir', 'string'],
  ['failures', 'map<string, int>'],
  ['last', 'dyn'],
]);
const WORKFLOW_TYPES: ReadonlyMap<string, string> = new Map([
  ['name', 'string'],
  ['namespace', 'string'],
  ['uid', 'string'],
  ['dir', 'string'],
]);

/** Names under a root that the language fixes. */
export const FIXED_NAMES = { resources: RESOURCE_TYPES, attempt: ATTEMPT_TYPES, workflow: WORKFLOW_TYPES } as const;

/** The CEL type that a reference reads, and how many of its segments that covers. */
export interface ReferenceType {
  readonly type: string;
  readonly segments: number;
}

/** `severalKeys`: the argument of `.at()` is a list. Unknown names are `dyn`: they are reported by themselves. */
export function typeOf(
  reference: Reference,
  taken: number,
  place: Place,
  severalKeys: boolean | undefined,
): ReferenceType {
  switch (reference.root) {
    case 'params':
      return { type: celType(place.params.get(reference.name) ?? 'dyn'), segments: taken };
    case 'key':
      return { type: 'string', segments: 0 };
    case 'item': {
      const [column] = reference.path;
      if (typeof place.item === 'string') return { type: celType(place.item), segments: 0 };
      if (column === undefined) return { type: 'map<string, dyn>', segments: 0 };
      return { type: celType(place.item?.get(column) ?? 'dyn'), segments: 1 };
    }
    case 'attempt': {
      const [first] = reference.path;
      return { type: ATTEMPT_TYPES.get(first ?? '') ?? 'dyn', segments: first === undefined ? 0 : 1 };
    }
    case 'resources':
    case 'workflow':
      return { type: FIXED_NAMES[reference.root].get(reference.name) ?? 'dyn', segments: taken };
    case 'inputs':
    case 'outputs':
    case 'files':
      return { type: pathType(place[reference.root]?.get(reference.name)), segments: taken };
    case 'tasks':
      return { type: taskType(reference, place, severalKeys), segments: taken };
    case 'filesize':
      return { type: 'int', segments: 0 };
  }
}

function pathType(kind: 'path' | 'list' | undefined): string {
  return kind === 'path' ? 'string' : kind === 'list' ? 'list<string>' : 'dyn';
}

function taskType(reference: Reference & { root: 'tasks' }, place: Place, severalKeys: boolean | undefined): string {
  const task = place.tasks?.get(reference.task);
  switch (reference.member) {
    case 'phase':
    case 'reason':
      return 'string';
    case 'keys':
    case 'failed':
      return 'list<string>';
    case 'other':
      return 'dyn';
    case 'outputs': {
      const one = pathType(task?.outputs.get(reference.name ?? ''));
      if (task === undefined || one === 'dyn') return 'dyn';
      if (reference.at !== undefined && severalKeys === undefined) return 'dyn';
      const several = reference.at === undefined ? task.fanOut : severalKeys;
      return several === true ? `list<${one}>` : one;
    }
  }
}
