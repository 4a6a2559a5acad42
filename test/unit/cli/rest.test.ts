import { describe, expect, test } from 'vitest';
import type { Workflow, WorkflowStatus } from '../../../src/apis/workflow.ts';
import { restOf } from '../../../src/cli/rest.ts';
import { parseGoal, verdict } from '../../../src/cli/wait-goal.ts';

function workflow(status: Partial<WorkflowStatus> | undefined, annotations: Record<string, string> = {}): Workflow {
  const whole = {
    observedGeneration: 2,
    phase: 'Running' as const,
    reason: '',
    message: '',
    conditions: [],
    counts: {},
    progress: '',
    ...status,
  };
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: {
      name: 'a',
      namespace: 'default',
      uid: 'u',
      generation: 2,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00.000Z',
      annotations,
    },
    spec: { tasks: [] },
    ...(status === undefined ? {} : { status: whole }),
  };
}

const condition = (type: string, status: 'True' | 'False', observedGeneration = 2, reason = '') => ({
  type,
  status,
  reason,
  message: '',
  observedGeneration,
  lastTransitionTime: '',
});

describe('at rest', () => {
  test.each([
    ['Succeeded', 'Ended', 0],
    ['Failed', 'Ended', 1],
    ['Cancelled', 'Ended', 1],
    ['Suspended', 'Suspended', 3],
  ] as const)('%s: %s, exit code %d', (phase, kind, exitCode) => {
    expect(restOf(workflow({ phase }), new Set())).toEqual({ kind, exitCode });
  });

  test('a plan that is held: exit code 3', () => {
    const held = { kind: 'ApprovalRequired', exitCode: 3 };
    expect(restOf(workflow({ phase: 'Pending', reason: 'ApprovalRequired' }), new Set())).toEqual(held);
    const conditions = [condition('Suspended', 'True', 2, 'ApprovalRequired')];
    expect(restOf(workflow({ phase: 'Suspended', conditions }), new Set())).toEqual(held);
  });

  test.each([
    ['no status yet', workflow(undefined), []],
    ['a status of the generation before', workflow({ phase: 'Succeeded', observedGeneration: 1 }), []],
    ['attempts alive', workflow({ phase: 'Failed', counts: { Running: 1 } }), []],
    ['attempts at the backend', workflow({ phase: 'Suspended', counts: { Queued: 1 } }), []],
    ['a request of ours waits', workflow({ phase: 'Failed' }, { 'request.fixpoint.dev/r1': '{}' }), ['r1']],
    ['running', workflow({ phase: 'Running' }), []],
  ])('not at rest: %s', (_, object, requests) => {
    expect(restOf(object, new Set(requests)).kind).toBe('Moving');
  });

  test('a request of somebody else does not hold us', () => {
    const object = workflow({ phase: 'Failed' }, { 'request.fixpoint.dev/theirs': '{}' });
    expect(restOf(object, new Set(['ours'])).kind).toBe('Ended');
  });
});

describe('wait', () => {
  const judge = (text: string, object: Workflow | undefined): string => {
    const goal = parseGoal(text);
    if (!goal.ok) throw new Error(goal.error);
    return verdict(goal.value, object);
  };

  test('conditions count only for the generation that is current', () => {
    const current = workflow({ conditions: [condition('Complete', 'True')] });
    const old = workflow({ conditions: [condition('Complete', 'True', 1)] });
    const stale = workflow({ observedGeneration: 1, conditions: [condition('Complete', 'True')] });
    expect([current, old, stale].map((object) => judge('condition=Complete', object))).toEqual([
      'met',
      'waiting',
      'waiting',
    ]);
    expect(judge('condition=complete=false', workflow({ conditions: [condition('Complete', 'False')] }))).toBe('met');
  });

  test('what failed will not complete by waiting', () => {
    expect(judge('condition=Complete', workflow({ phase: 'Failed' }))).toBe('it is Failed');
    expect(judge('phase=Succeeded', workflow({ phase: 'Cancelled' }))).toBe('it is Cancelled');
    expect(judge('condition=Failed', workflow({ phase: 'Running' }))).toBe('waiting');
    expect(judge('phase=Failed', workflow({ phase: 'Failed' }))).toBe('met');
  });

  test('deletion', () => {
    expect(judge('delete', undefined)).toBe('met');
    expect(judge('delete', workflow({}))).toBe('waiting');
    expect(judge('phase=Succeeded', undefined)).toBe('it was deleted');
  });

  test.each([undefined, '', 'condition=', 'phase=Done', 'done', 'condition=A=B'])('%j is no goal', (text) => {
    expect(parseGoal(text).ok).toBe(false);
  });
});
