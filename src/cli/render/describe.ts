import type { AttemptItem, TaskItem } from '../../apis/task-view.ts';
import type { Workflow } from '../../apis/workflow.ts';
import { age } from './age.ts';
import { renderTable } from './table.ts';
import { harmless, oneLine } from './terminal-text.ts';

export function describeWorkflow(workflow: Workflow, now: number): string {
  const { metadata, status } = workflow;
  const out = [
    field('Name', metadata.name),
    field('Namespace', metadata.namespace),
    ...pairs('Labels', metadata.labels),
    ...pairs('Annotations', metadata.annotations),
    field('Generation', String(metadata.generation)),
    field('Created', `${metadata.creationTimestamp} (${age(metadata.creationTimestamp, now)} ago)`),
  ];
  if (status === undefined) return lines([...out, field('Status', 'not judged yet')]);
  out.push(
    field('Status', `${status.phase} (${status.reason})`),
    ...(status.message === '' ? [] : [field('Message', status.message)]),
    field('Progress', status.progress),
    field('Counts', countsText(status.counts)),
  );
  if (status.startTime !== undefined) out.push(field('Started', status.startTime));
  if (status.finishTime !== undefined) out.push(field('Finished', status.finishTime));
  let text = lines(out);
  if (status.conditions.length > 0) {
    const rows = status.conditions.map((c) => [c.type, c.status, c.reason, age(c.lastTransitionTime, now), c.message]);
    text += `Conditions:\n${indent(renderTable(['TYPE', 'STATUS', 'REASON', 'AGE', 'MESSAGE'], rows))}`;
  }
  for (const failing of status.failing ?? []) {
    const exit = failing.exitCode === undefined ? '' : `, exit code ${failing.exitCode}`;
    const message = failing.message === undefined ? '' : `: ${oneLine(failing.message)}`;
    text += `Failing: ${oneLine(failing.name)} (${failing.reason}${exit})${message}\n`;
    if (failing.log !== undefined && failing.log !== '') text += indent(harmless(failing.log).trimEnd());
  }
  return text;
}

export function countsText(counts: Readonly<Record<string, number>>): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return shown.length === 0 ? 'none' : shown.map(([phase, count]) => `${count} ${phase}`).join(', ');
}

export function describeTask(task: TaskItem, specText: string, now: number): string {
  const { status, metadata } = task;
  const out = [
    field('Name', metadata.name),
    ...pairs('Labels', metadata.labels),
    ...pairs('Annotations', metadata.annotations),
    field('Phase', `${status.phase} (${status.reason})`),
    ...(status.message === '' ? [] : [field('Message', status.message)]),
    field('Definition', status.identity.definition ?? '-'),
    field('Execution', status.identity.execution ?? '-'),
  ];
  const spec = `Spec:\n${indent(harmless(specText).trimEnd())}`;
  return lines(out) + spec + status.attempts.map((attempt) => describeAttempt(attempt, now)).join('');
}

function describeAttempt(attempt: AttemptItem, now: number): string {
  const out = [
    field('  Phase', `${attempt.phase} (${attempt.reason})`),
    ...(attempt.message === undefined ? [] : [field('  Message', attempt.message)]),
    ...(attempt.exitCode === undefined ? [] : [field('  Exit code', String(attempt.exitCode))]),
    ...(attempt.signal === undefined ? [] : [field('  Signal', attempt.signal)]),
    field('  Backend', attempt.backend),
    ...(attempt.directory === undefined ? [] : [field('  Directory', attempt.directory)]),
    field('  Created', `${attempt.createTime} (${age(attempt.createTime, now)} ago)`),
    ...(attempt.startTime === undefined ? [] : [field('  Started', attempt.startTime)]),
    ...(attempt.finishTime === undefined ? [] : [field('  Finished', attempt.finishTime)]),
  ];
  return `Attempt ${attempt.number}:\n${lines(out)}`;
}

function field(name: string, value: string): string {
  return `${`${name}:`.padEnd(14)} ${oneLine(value)}`;
}

function pairs(name: string, map: Readonly<Record<string, string>> | undefined): string[] {
  const entries = Object.entries(map ?? {});
  return entries.map(([key, value], at) => field(at === 0 ? name : '', `${key}=${value}`).replace(/^:/, ' '));
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function indent(text: string): string {
  return `${text.trimEnd().replace(/^/gm, '  ')}\n`;
}
