import { describe, expect, it } from 'vitest';
import type { TaskSpec, WorkflowSpec } from '../../../src/apis/workflow.ts';
import { NOW, Situation } from './situation.ts';

// One test for each row of the table in judge.ts, and for which row comes first.

const O = [{ name: 'o', path: 'o' }];
const of = (...tasks: TaskSpec[]): WorkflowSpec => ({ tasks });
const A: TaskSpec = { name: 'a', run: 'make a', outputs: O };
const B: TaskSpec = { name: 'b', run: 'cat ${{ tasks.a.outputs.o }}', outputs: [{ name: 'p', path: 'p' }] };
const seen = (s: Situation, key: string): string => {
  const { phase, reason, step } = s.view(key);
  return `${phase} ${reason} ${step.kind}`;
};

describe('what else decides', () => {
  it('a result is looked at where somebody may have written since, and stands if it is there', () => {
    const s = new Situation(of(A));
    s.run('a');
    s.facts.delete('/w/o');
    expect(s.view('a').step).toMatchObject({ kind: 'Look', look: { path: '/w/o' } });
    s.fact('/w/o', 'sha256:a');
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
  });

  it('a reset forgives failures, too', () => {
    const s = new Situation(of(A));
    s.run('a', { phase: 'Failed' });
    s.run('a', { phase: 'Failed' });
    expect(seen(s, 'a')).toBe('Failed ExitCode Nothing');
    s.happens({ type: 'TaskReset', task: 'a', upTo: 2, cause: 'a person' });
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('a held plan still ends what a person cancelled, and nothing else', () => {
    const s = new Situation(of(A, { ...A, name: 'c', outputs: [{ name: 'o', path: 'c' }] }));
    s.start('a');
    s.start('c');
    s.edit(of({ ...A, run: 'other' }, { ...A, name: 'c', run: 'other', outputs: [{ name: 'o', path: 'c' }] }));
    s.mode = 'Held';
    expect(s.actions()).toEqual([]);
    s.happens({ type: 'TaskCancelled', task: 'a', request: 'r', execution: undefined });
    expect(s.actions()).toEqual(['Cancel a']);
  });

  it.each([
    { started: 'by this version', look: '/w/o' },
    { started: 'by an earlier one', look: 'pc:/w/o' },
  ])(
    'a running attempt, started $started, that reads a file is stopped before it is made again, whatever the spec says of it now',
    ({ look }) => {
      const s = new Situation(of(A, B));
      s.run('a');
      s.start('b', { reads: [{ slot: 'run#1', looks: [look] }] });
      s.settings = { ...s.settings, onChangeWhileRunning: 'Finish' };
      s.edit(of({ ...A, run: 'make another' }, { name: 'b', run: 'echo', outputs: [{ name: 'p', path: 'p' }] }));
      expect(s.view('a')).toMatchObject({ reason: 'WaitingForReaders', step: { readers: ['b'] } });
      expect(s.actions()).toEqual(['Cancel b']);
    },
  );
});

describe('the order of the questions', () => {
  it('1 deleting: what lives is cancelled, the rest is over', () => {
    const s = new Situation(of(A, B));
    s.run('a');
    s.start('b');
    s.mode = 'Deleting';
    expect(seen(s, 'a')).toBe('Cancelled WorkflowDeleted Nothing');
    expect(seen(s, 'b')).toBe('Running Restarting Cancel');
  });

  it('1 cancelled by request while alive: cancelled, before anything else is asked', () => {
    const s = new Situation(of(A));
    s.start('a');
    s.happens({ type: 'TaskCancelled', task: 'a', request: 'r', execution: undefined });
    s.edit(of({ ...A, run: 'make another' }));
    expect(s.view('a').step).toMatchObject({ kind: 'Cancel', reason: 'CancelledByRequest' });
  });

  it('2 alive with another definition: cancelled, unless it may finish', () => {
    const s = new Situation(of(A));
    s.start('a');
    s.edit(of({ ...A, run: 'make another' }));
    expect(s.view('a').step).toMatchObject({ kind: 'Cancel', reason: 'DefinitionChanged' });
    s.settings = { ...s.settings, onChangeWhileRunning: 'Finish' };
    expect(seen(s, 'a')).toBe('Running Running Nothing');
  });

  it('2 comes before 3: another definition is cancelled although an upstream is open', () => {
    const s = new Situation(of(A, B));
    s.run('a');
    s.start('b');
    s.edit(of({ ...A, run: 'make another' }, { ...B, run: 'tac ${{ tasks.a.outputs.o }}' }));
    expect(s.view('b').step).toMatchObject({ kind: 'Cancel', reason: 'DefinitionChanged' });
  });

  it('3 an upstream is open: waits; what lives goes on', () => {
    const s = new Situation(of(A, B));
    expect(seen(s, 'b')).toBe('Pending WaitingForUpstream Nothing');
    s.run('a');
    s.run('b');
    s.edit(of({ ...A, run: 'make another' }, B));
    expect(seen(s, 'b')).toBe('Pending Reevaluating Nothing');
  });

  it('4 the trigger is not met: skipped with the first cause', () => {
    const s = new Situation(of(A, B, { name: 'c', run: 'c', dependsOn: ['b'] }));
    s.run('a', { phase: 'Failed' });
    s.run('a', { phase: 'Failed' });
    expect(seen(s, 'b')).toBe('Skipped UpstreamFailed Nothing');
    expect(s.view('c').message).toBe('a is Failed');
  });

  it('5 a gate passes on what its upstreams contribute', () => {
    const s = new Situation(of(A, { name: 'gate', dependsOn: ['a'] }));
    const { uid } = s.run('a');
    expect(s.view('gate')).toMatchObject({ phase: 'Succeeded', reason: 'GateOpen', passes: [uid] });
  });

  it('6 an input: not looked at, absent, there', () => {
    const s = new Situation(of({ ...A, inputs: [{ name: 'i', path: 'in', external: true }] }));
    expect(seen(s, 'a')).toBe('Pending Reevaluating Look');
    s.fact('/w/in', 'absent');
    expect(seen(s, 'a')).toBe('Failed MissingInput Nothing');
    s.fact('/w/in', 'sha256:1');
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('7 alive: queued, running, unknown; with other inputs cancelled; queued with other resources withdrawn', () => {
    const spec = of({ ...A, inputs: [{ name: 'i', path: 'in' }] });
    const s = new Situation(spec);
    s.fact('/w/in', 'sha256:1');
    const { number, uid } = s.intend('a');
    expect(seen(s, 'a')).toBe('Queued Submitted Nothing');
    s.edit(of({ ...A, inputs: [{ name: 'i', path: 'in' }], resources: { cpu: 2 } }));
    expect(s.view('a').step).toMatchObject({ kind: 'Cancel', reason: 'ResourcesChanged' });
    s.happens({ type: 'AttemptStarted', task: 'a', number, startTime: NOW, handle: undefined, directory: undefined });
    expect(seen(s, 'a')).toBe('Running Running Nothing');
    s.unconfirmed.add(uid);
    expect(seen(s, 'a')).toBe('Running Unknown Nothing');
    s.fact('/w/in', 'sha256:2');
    expect(s.view('a').step).toMatchObject({ kind: 'Cancel', reason: 'UpstreamChanged' });
  });

  it('8 a result stands while key and outputs are what was recorded', () => {
    const s = new Situation(of(A));
    s.run('a');
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
    s.fact('/w/o', 'sha256:a');
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
    s.fact('/w/o', 'absent');
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('8 without outputs a result stands only while no later attempt has started', () => {
    const plain: TaskSpec = { name: 'a', run: 'x' };
    const s = new Situation(of(plain));
    s.run('a');
    s.edit(of({ ...plain, run: 'y' }));
    s.run('a', { phase: 'Cancelled' });
    s.edit(of(plain));
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('9 outputs that a later attempt moved aside are put back, unless they are not whole', () => {
    const s = new Situation(of(A));
    const { uid } = s.run('a');
    s.edit(of({ ...A, run: 'make another' }));
    s.run('a', { phase: 'Cancelled' });
    s.edit(of(A));
    s.fact('/w/o', 'absent');
    expect(seen(s, 'a')).toBe('Pending Restoring Restore');
    s.unrestorable.add(uid);
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('4 what a task made before it is skipped goes aside, once its readers are gone, and comes back', () => {
    const works: TaskSpec = { name: 'u', run: 'x' };
    const C: TaskSpec = { ...A, dependsOn: ['u'], triggerRule: 'AnyFailed' };
    const reader: TaskSpec = { name: 'r', run: 'y' };
    const s = new Situation(of({ ...works, retry: { limit: 0 } }, C));
    s.run('u', { phase: 'Failed' });
    s.run('u', { phase: 'Failed' });
    const { uid } = s.run('a');
    s.edit(of({ ...works, run: 'other' }, C, reader));
    s.start('r', { reads: [{ slot: 'inputs.i', looks: ['/w/o'] }] });
    s.run('u');
    expect(seen(s, 'a')).toBe('Pending TriggerNotMet CancelReaders');
    s.happens({
      type: 'AttemptEnded',
      task: 'r',
      number: 1,
      outcome: { phase: 'Cancelled', reason: 'UpstreamChanged', finishTime: NOW, outputs: [] },
    });
    s.facts.delete('/w/o');
    expect(seen(s, 'a')).toBe('Pending Reevaluating Look');
    s.fact('/w/o', 'sha256:a');
    expect(seen(s, 'a')).toBe('Pending TriggerNotMet SetAside');
    expect(s.actions()).toContain('SetAside a');
    s.unmovable.add(uid);
    expect(seen(s, 'a')).toBe('Skipped TriggerNotMet Nothing');
    s.unmovable.clear();
    s.happens({ type: 'AsideIntended', task: 'a' });
    s.fact('/w/o', 'absent');
    expect(seen(s, 'a')).toBe('Skipped TriggerNotMet Nothing');
    s.edit(of({ ...works, run: 'third' }, C, reader));
    s.run('u', { phase: 'Failed' });
    s.run('u', { phase: 'Failed' });
    expect(seen(s, 'a')).toBe('Pending Restoring Restore');
  });

  it('4 what lies there otherwise stays, and so does all of it where an upstream failed', () => {
    const C: TaskSpec = { ...A, dependsOn: ['u'], triggerRule: 'AnyFailed' };
    const s = new Situation(of({ name: 'u', run: 'x' }, C));
    s.run('u', { phase: 'Failed' });
    s.run('u', { phase: 'Failed' });
    s.run('a');
    s.edit(of({ name: 'u', run: 'other' }, C));
    s.run('u');
    s.fact('/w/o', 'sha256:by hand');
    expect(seen(s, 'a')).toBe('Skipped TriggerNotMet Nothing');
    const plain = new Situation(of({ name: 'u', run: 'x' }, { ...A, dependsOn: ['u'] }));
    plain.run('u');
    plain.run('a');
    plain.edit(of({ name: 'u', run: 'other' }, { ...A, dependsOn: ['u'] }));
    plain.run('u', { phase: 'Failed' });
    plain.run('u', { phase: 'Failed' });
    expect(seen(plain, 'a')).toBe('Skipped UpstreamFailed Nothing');
  });

  it('10 a renamed task adopts; two that could are not guessed between; movedFrom settles it', () => {
    const s = new Situation(of(A));
    s.run('a');
    s.fact('/w/o', 'sha256:a');
    s.edit(of({ ...A, name: 'z' }));
    expect(s.view('z').step).toEqual({ kind: 'Adopt', from: 'a' });
    const twins = new Situation(of({ name: 'a', run: 'x' }, { name: 'b', run: 'x' }));
    twins.run('a');
    twins.run('b');
    twins.edit(of({ name: 'c', run: 'x' }, { name: 'd', run: 'x', movedFrom: 'b' }));
    expect(twins.view('c').step.kind).toBe('Launch');
    expect(twins.view('d').step).toEqual({ kind: 'Adopt', from: 'b' });
  });

  it('11 cancelled by request holds until the task changes', () => {
    const s = new Situation(of(A));
    const execution = s.view('a').identity?.execution;
    s.happens({ type: 'TaskCancelled', task: 'a', request: 'r', execution });
    expect(seen(s, 'a')).toBe('Cancelled CancelledByRequest Nothing');
    s.edit(of({ ...A, run: 'make another' }));
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('12 a failure waits for its back-off, and is final when the budget is used', () => {
    const s = new Situation(of(A));
    s.run('a', { phase: 'Failed' });
    expect(s.view('a')).toMatchObject({ phase: 'Pending', reason: 'BackOff', wakeAt: NOW + 1_000 });
    s.now = NOW + 1_000;
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
    s.run('a', { phase: 'Failed' });
    expect(seen(s, 'a')).toBe('Failed ExitCode Nothing');
  });

  it('13 launches, after running readers of its outputs are gone', () => {
    const s = new Situation(of(A, B));
    s.run('a');
    s.start('b');
    s.edit(of({ ...A, run: 'make another' }, B));
    expect(seen(s, 'a')).toBe('Pending WaitingForReaders CancelReaders');
    expect(s.actions()).toEqual(['Cancel b']);
  });

  it('early cut-off: an upstream that made the same again changes nothing downstream', () => {
    const s = new Situation(of(A, B));
    s.run('a');
    s.run('b');
    s.edit(of({ ...A, run: 'make another' }, B));
    s.run('a');
    expect(seen(s, 'b')).toBe('Succeeded Completed Nothing');
  });

  it('dependsOn is broad: whenever the upstream runs again, so does the task', () => {
    const c: TaskSpec = { name: 'c', run: 'c', dependsOn: ['a'] };
    const s = new Situation(of(A, c));
    s.run('a');
    s.run('c');
    s.edit(of({ ...A, run: 'make another' }, c));
    s.run('a');
    expect(seen(s, 'c')).toBe('Ready Capacity Launch');
  });

  it('after is order only', () => {
    const c: TaskSpec = { name: 'c', run: 'c', after: ['a'] };
    const s = new Situation(of(A, c));
    expect(seen(s, 'c')).toBe('Pending WaitingForUpstream Nothing');
    s.run('a');
    s.run('c');
    s.edit(of({ ...A, run: 'make another' }, c));
    s.run('a');
    expect(seen(s, 'c')).toBe('Succeeded Completed Nothing');
  });
});
