import { EvaluationFailure, type Frame, failure, type Run } from './evaluation.ts';
import type { Reference, TaskReference } from './references.ts';
import { ownValue, type TaskValue } from './scope.ts';
import { excerpt, scalarText } from './text.ts';
import { ABSENT, isList, isMap, type Outcome, typeName, type Value } from './value.ts';

/** Reads what a reference names from the scope. A name that the scope lacks is an error nothing catches. */
export function readerOf(reference: Reference, text: string, optional: boolean, at: Run | undefined): Run {
  const unknown = (): typeof ABSENT => {
    if (optional) return ABSENT;
    throw failure(`${text} is not known here`);
  };
  switch (reference.root) {
    case 'params':
    case 'resources':
    case 'workflow':
    case 'inputs':
    case 'outputs':
    case 'files': {
      const { root, name } = reference;
      return (frame) => ownValue<Outcome>(frame.scope[root], name) ?? (has(frame.scope[root], name) ? null : unknown());
    }
    case 'item':
    case 'key':
    case 'attempt': {
      const { root } = reference;
      return (frame) => {
        const value = frame.scope[root];
        return value === undefined ? unknown() : value;
      };
    }
    case 'tasks':
      return (frame) => taskMember(reference, taskValue(reference, at, frame, text), text, unknown);
    case 'filesize':
      return unknown;
  }
}

function has(record: { readonly [name: string]: unknown } | undefined, name: string): boolean {
  return record !== undefined && Object.hasOwn(record, name);
}

function taskValue(reference: TaskReference, at: Run | undefined, frame: Frame, text: string): TaskValue {
  const task = ownValue(frame.scope.tasks, reference.task);
  if (task === undefined) throw failure(`${text} is not known here`);
  if (at === undefined) return task;
  if (task.at === undefined) throw failure(`tasks.${reference.task} is no fan-out`);
  return task.at(keysOf(at(frame), frame));
}

/** The argument of `at` as a key or a list of keys; numbers name the element of that number. */
export function keysOf(value: Outcome, frame: Frame): string | readonly string[] {
  if (!isList(value)) return keyText(value);
  frame.spendList(value.length);
  return value.map(keyText);
}

function keyText(value: Outcome): string {
  if (value === ABSENT) throw new EvaluationFailure('absent', 'the argument of at is absent');
  const text = scalarText(value);
  if (text === undefined) throw failure(`the argument of at is a key or a list of keys, not ${typeName(value)}`);
  return text;
}

function taskMember(reference: TaskReference, task: TaskValue, text: string, unknown: () => Outcome): Outcome {
  switch (reference.member) {
    case 'outputs':
      return ownValue(task.outputs, reference.name ?? '') ?? unknown();
    case 'phase':
    case 'reason':
      return task[reference.member];
    case 'keys':
    case 'failed':
      return task[reference.member] ?? unknown();
    case 'other':
      throw failure(`${text} is not known here`);
  }
}

/** `value.name`: of a map the key, else an error; what is not there is `missing`, or absent after `.?`. */
export function memberOf(value: Value, name: string, optional: boolean, text: string): Outcome {
  if (isMap(value) || value === null) {
    const found = value === null ? undefined : ownValue(value, name);
    if (found !== undefined) return found;
    if (optional) return ABSENT;
    throw new EvaluationFailure('missing', `${text}: no key ${excerpt(name)}`);
  }
  throw failure(`${text}: ${typeName(value)} has no members`);
}

/** `value[index]`: a key of a map or, from 0, an item of a list. */
export function elementOf(value: Value, index: Value, optional: boolean, text: string): Outcome {
  if (typeof index === 'string') return memberOf(value, index, optional, text);
  const position = typeof index === 'bigint' || Number.isInteger(index) ? Number(index) : undefined;
  if (!isList(value) || position === undefined) {
    throw failure(`${text}: ${typeName(value)} cannot be indexed by ${typeName(index)}`);
  }
  const found = position < 0 ? undefined : value[position];
  if (found !== undefined) return found;
  if (optional) return ABSENT;
  throw new EvaluationFailure('missing', `${text}: no item ${position} in a list of ${value.length}`);
}
