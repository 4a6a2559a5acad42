import { describe, expect, it } from 'vitest';
import type { TaskSpec, WorkflowSpec } from '../../../src/apis/workflow.ts';
import { NOW, Situation } from './situation.ts';

// A file system that does not answer says nothing about what is there: unknown is neither absent nor changed.

const A: TaskSpec = { name: 'a', run: 'make a', outputs: [{ name: 'o', path: 'o' }] };
const of = (...tasks: TaskSpec[]): WorkflowSpec => ({ tasks });
const EIO = 'unreadable:EIO';
const seen = (s: Situation, key: string): string => {
  const { phase, reason, step } = s.view(key);
  return `${phase} ${reason} ${step.kind}`;
};

describe('a file that cannot be read', () => {
  it('as an output: the result stands, and what reads it keeps its identity', () => {
    const s = new Situation(of(A, { name: 'b', run: 'cat o', inputs: [{ name: 'i', path: 'o' }] }));
    s.run('a');
    s.run('b');
    s.fact('/w/o', EIO);
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
    expect(seen(s, 'b')).toBe('Succeeded Completed Nothing');
    expect(s.actions()).toEqual([]);
  });

  it('as an output that a later attempt had its hands on: the result is looked for where it was moved', () => {
    const s = new Situation(of(A));
    s.run('a');
    s.edit(of({ ...A, run: 'make another' }));
    s.run('a', { phase: 'Cancelled' });
    s.edit(of(A));
    s.fact('/w/o', EIO);
    expect(seen(s, 'a')).toBe('Pending Restoring Restore');
  });

  it.each([false, true])('as an input of nobody: not started, and said so (optional: %s)', (optional) => {
    const s = new Situation(of({ ...A, inputs: [{ name: 'i', path: 'in', optional }] }));
    s.fact('/w/in', EIO);
    expect(seen(s, 'a')).toBe('Failed MissingInput Nothing');
    expect(s.view('a').message).toBe('input i: /w/in cannot be read (EIO)');
    s.fact('/w/in', 'sha256:1');
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });

  it('as a pattern of nobody likewise', () => {
    const s = new Situation(of({ ...A, inputs: [{ name: 'i', glob: '*.in' }] }));
    s.facts.set('gc:/w/*.in', 'unreadable:EACCES');
    expect(seen(s, 'a')).toBe('Failed MissingInput Nothing');
    expect(s.view('a').message).toBe('input i: /w/*.in cannot be read (EACCES)');
  });

  it('as an input of what runs: it goes on', () => {
    const s = new Situation(of({ ...A, inputs: [{ name: 'i', path: 'in' }] }));
    s.fact('/w/in', 'sha256:1');
    s.start('a');
    s.fact('/w/in', EIO);
    expect(seen(s, 'a')).toBe('Running Running Nothing');
    s.fact('/w/in', 'absent');
    expect(s.view('a').step).toMatchObject({ kind: 'Cancel', reason: 'UpstreamChanged' });
  });

  it('as a script: it counts as it was recorded', () => {
    const s = new Situation(of({ name: 'a', command: ['./tool.sh'], outputs: [{ name: 'o', path: 'o' }] }));
    s.fact('/w/tool.sh', 'sha256:1');
    const { preimage } = s.task('a');
    const { number, writes } = s.start('a', {
      preimage: { templateDigest: preimage.templateDigest, values: {}, code: { 'tool.sh': 'sha256:1' } },
    });
    const outputs = writes.map(({ name, path }) => ({ name, path, digest: 'sha256:a' }));
    const outcome = { phase: 'Succeeded', reason: 'Completed', finishTime: NOW, outputs } as const;
    s.happens({ type: 'AttemptEnded', task: 'a', number, outcome });
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
    s.fact('/w/tool.sh', EIO);
    expect(seen(s, 'a')).toBe('Succeeded Completed Nothing');
    s.fact('/w/tool.sh', 'sha256:2');
    expect(seen(s, 'a')).toBe('Ready Capacity Launch');
  });
});
