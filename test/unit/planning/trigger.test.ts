import { describe, expect, it } from 'vitest';
import type { TaskSpec, TriggerRule } from '../../../src/apis/workflow.ts';
import type { Graph, GraphTask } from '../../../src/graph/graph.ts';
import { handlesFailure, judgeTrigger } from '../../../src/planning/trigger.ts';
import { type View, view } from '../../../src/planning/view.ts';
import { graphOf } from './situation.ts';

// G good, F failed, C cancelled, S benign skip, U skipped because something above failed, O open.
const VIEWS: Readonly<Record<string, View>> = {
  G: view('Succeeded', 'Completed'),
  F: view('Failed', 'ExitCode'),
  C: view('Cancelled', 'CancelledByRequest'),
  S: view('Skipped', 'TriggerNotMet'),
  U: view('Skipped', 'UpstreamFailed'),
  O: view('Running', 'Running'),
};

function graphWith(upstreams: number, part: Partial<TaskSpec>, upstream: Partial<TaskSpec> = {}): Graph {
  const names = Array.from({ length: upstreams }, (_, i) => `u${i}`);
  const last: TaskSpec = { name: 'last', run: 'x', ...(upstreams > 0 ? { dependsOn: names } : {}), ...part };
  return graphOf({ tasks: [...names.map((name) => ({ name, run: name, ...upstream })), last] });
}

function verdict(rule: TriggerRule, states: string, upstream: Partial<TaskSpec> = {}): string {
  const graph = graphWith(states.length, { triggerRule: rule }, upstream);
  const task = graph.tasks.at(-1) as GraphTask;
  const found = judgeTrigger(graph, task, (i) => VIEWS[states[i] as string] as View);
  return found.verdict === 'Skip' ? found.reason : found.verdict;
}

describe('trigger rules', () => {
  it.each<[TriggerRule, string, string]>([
    ['NoneFailed', '', 'Run'],
    ['NoneFailed', 'GG', 'Run'],
    ['NoneFailed', 'GS', 'Run'],
    ['NoneFailed', 'GO', 'Wait'],
    ['NoneFailed', 'FO', 'Wait'],
    ['NoneFailed', 'GF', 'UpstreamFailed'],
    ['NoneFailed', 'GC', 'UpstreamFailed'],
    ['NoneFailed', 'GU', 'UpstreamFailed'],
    ['AllSucceeded', 'GG', 'Run'],
    ['AllSucceeded', 'GS', 'TriggerNotMet'],
    ['AllSucceeded', 'SF', 'UpstreamFailed'],
    ['AllFinished', 'FSC', 'Run'],
    ['AllFinished', 'FO', 'Wait'],
    ['AnySucceeded', 'OG', 'Run'],
    ['AnySucceeded', 'OF', 'Wait'],
    ['AnySucceeded', 'FS', 'TriggerNotMet'],
    ['AnyFailed', 'OF', 'Run'],
    ['AnyFailed', 'GO', 'Wait'],
    ['AnyFailed', 'GG', 'TriggerNotMet'],
    ['AllFailed', 'FC', 'Run'],
    ['AllFailed', 'FO', 'Wait'],
    ['AllFailed', 'FG', 'TriggerNotMet'],
    ['AllFailed', 'FS', 'TriggerNotMet'],
  ])('%s of %s: %s', (rule, states, expected) => {
    expect(verdict(rule, states)).toBe(expected);
  });

  it('a failure that is allowed counts as a benign skip', () => {
    expect(verdict('NoneFailed', 'GF', { allowFailure: true })).toBe('Run');
    expect(verdict('AllSucceeded', 'GF', { allowFailure: true })).toBe('TriggerNotMet');
    expect(verdict('AnyFailed', 'GF', { allowFailure: true })).toBe('TriggerNotMet');
  });

  it('F-2 a failure is handled if every direct dependent says what to do about it', () => {
    expect(handlesFailure(graphWith(1, { triggerRule: 'AllFinished' }), 0)).toBe(true);
    expect(handlesFailure(graphWith(1, {}), 0)).toBe(false);
    expect(handlesFailure(graphWith(1, {}, { allowFailure: true }), 0)).toBe(true);
    expect(handlesFailure(graphWith(0, {}), 0)).toBe(false);
  });
});
