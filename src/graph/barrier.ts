import type { Edge, GraphTask } from './graph.ts';
import { joinKey } from './keys.ts';
import type { TaskTemplate } from './template.ts';

/** Stands for a whole fan-out: waits for all its elements and passes on what they contribute. */
export function barrierTask(template: TaskTemplate, index: number, upstream: readonly Edge[]): GraphTask {
  return {
    index,
    key: joinKey(template.name),
    kind: 'Barrier',
    template: template.index,
    spec: template.spec,
    item: undefined,
    elementKey: undefined,
    inputs: [],
    outputs: [],
    mentions: [],
    upstream,
    triggerRule: 'NoneFailed',
    // What its elements allow is allowed; the barrier only reports.
    allowFailure: template.spec.allowFailure ?? false,
    priority: 0,
    fanout: undefined,
    workdir: '',
    preimage: { template: null, templateDigest: '', values: {} },
    handling: '',
    code: [],
  };
}
