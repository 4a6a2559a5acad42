import { describe, expect, test } from 'vitest';
import { podState } from '../../../../src/backends/kubernetes/pod-state.ts';
import { seenPod } from '../../../../src/backends/kubernetes/seen-pod.ts';

const START = '2026-01-01T00:00:00Z';
const END = '2026-01-01T00:00:07Z';

function pod(status: object, metadata: object = {}) {
  return { metadata: { name: 'p', uid: 'u', labels: { 'fixpoint.dev/token': 't' }, ...metadata }, status };
}

function container(state: object) {
  return {
    containerStatuses: [
      { name: 'sidecar', state: { running: {} } },
      { name: 'task', state },
    ],
  };
}

function terminated(exitCode: number, reason: string, more: object = {}) {
  return container({ terminated: { exitCode, reason, startedAt: START, finishedAt: END, ...more } });
}

const running = container({ running: { startedAt: START } });
const disrupted = (reason: string) => ({ conditions: [{ type: 'DisruptionTarget', status: 'True', reason }] });

describe('a pod', () => {
  const table: readonly [what: string, object: object, state: object][] = [
    ['that is new', pod({ phase: 'Pending' }), { kind: 'Waiting', reason: 'Pending' }],
    [
      'that fits nowhere',
      pod({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] }),
      { kind: 'Waiting', reason: 'Unschedulable', message: '0/3 nodes' },
    ],
    [
      'whose image is not there',
      pod({ phase: 'Pending', ...container({ waiting: { reason: 'ErrImagePull', message: 'no' } }) }),
      { kind: 'Waiting', reason: 'ErrImagePull', message: 'no' },
    ],
    ['that runs', pod({ phase: 'Running', ...running }), { kind: 'Running', startTime: Date.parse(START) }],
    [
      'on a node that does not answer',
      pod(
        { phase: 'Running', ...running, conditions: [{ type: 'Ready', status: 'False' }] },
        { deletionTimestamp: END },
      ),
      { kind: 'Unknown' },
    ],
    [
      'that is done',
      pod({ phase: 'Succeeded', ...terminated(0, 'Completed') }),
      { kind: 'Ended', exit: { verdict: 'Exited', exitCode: 0, elapsedMs: 7_000 } },
    ],
    [
      'with an exit code',
      pod({ phase: 'Failed', ...terminated(3, 'Error') }),
      { kind: 'Ended', exit: { verdict: 'Exited', exitCode: 3 } },
    ],
    [
      'killed for want of memory, with code 0',
      pod({ phase: 'Failed', ...terminated(0, 'OOMKilled') }),
      { kind: 'Ended', exit: { verdict: 'OutOfMemory' } },
    ],
    [
      'over its deadline',
      pod({ phase: 'Failed', reason: 'DeadlineExceeded', ...terminated(137, 'Error') }),
      { kind: 'Ended', exit: { verdict: 'WallTime' } },
    ],
    [
      'without the shell',
      pod({ phase: 'Failed', ...terminated(128, 'StartError', { message: 'exec: "sh": executable file not found' }) }),
      { kind: 'Ended', exit: { verdict: 'Problem', problem: { reason: 'ShellNotFound' } } },
    ],
    [
      'without the program',
      pod({ phase: 'Failed', ...terminated(128, 'StartError', { message: 'exec: "bwa": executable file not found' }) }),
      { kind: 'Ended', exit: { verdict: 'Problem', problem: { reason: 'CommandNotFound' } } },
    ],
    [
      'evicted before it ran',
      pod({ phase: 'Failed', reason: 'Evicted', message: 'disk' }),
      { kind: 'Disrupted', reason: 'Evicted', ran: false, message: 'Evicted: disk' },
    ],
    [
      'preempted while it ran',
      pod({ phase: 'Failed', ...terminated(143, 'Error'), ...disrupted('PreemptionByScheduler') }),
      { kind: 'Disrupted', reason: 'Preempted', ran: true },
    ],
    [
      'that was done before the cluster could end it',
      pod({ phase: 'Succeeded', ...terminated(0, 'Completed'), ...disrupted('EvictionByEvictionAPI') }),
      { kind: 'Ended', exit: { verdict: 'Exited', exitCode: 0 } },
    ],
    [
      'whose end the kubelet has lost',
      pod({ phase: 'Failed', ...terminated(137, 'ContainerStatusUnknown') }),
      { kind: 'Disrupted', reason: 'Lost', ran: true },
    ],
    [
      'of a node that went away',
      pod({ phase: 'Failed', ...terminated(137, 'Error'), ...disrupted('DeletionByTaintManager') }),
      { kind: 'Disrupted', reason: 'NodeFailed', ran: true },
    ],
  ];
  for (const [what, object, state] of table)
    test(what, () => expect(podState(seenPod(object as Parameters<typeof seenPod>[0]))).toMatchObject(state));

  test('is kept in half a kilobyte', () => {
    const long = 'x'.repeat(100_000);
    const object = pod({ phase: 'Running', message: long, ...running }, { annotations: { long } });
    expect(JSON.stringify(seenPod(object)).length).toBeLessThan(1_024);
  });
});
