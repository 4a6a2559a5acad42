import { type Entry, eachOf, type Path } from './each-entry.ts';
import { checkAnnotations, checkLabels } from './metadata-rules.ts';
import { isObject } from './own-property.ts';
import { checkPod } from './pod-overlay.ts';
import { checkSlurm } from './slurm-options.ts';
import type { Add } from './walk-schema.ts';

/** Rules between the fields of one task. Fields of a wrong type count as written; their type is reported elsewhere. */
export function checkTask(task: unknown, path: readonly (string | number)[], add: Add): void {
  if (!isObject(task)) return;
  checkBody(task, path, add);
  eachOf(task['inputs'], [...path, 'inputs'], (input, at) => exactlyOne(input, ['path', 'paths', 'glob'], at, add));
  eachOf(task['outputs'], [...path, 'outputs'], (output, at) => exactlyOne(output, ['path', 'glob'], at, add));
  eachOf(task['env'], [...path, 'env'], (entry, at) => checkEnv(entry, at, add));
  checkSlurm(task['slurm'], [...path, 'slurm'], add);
  checkPod(task['pod'], [...path, 'pod'], add);
  checkLabels(task['labels'], [...path, 'labels'], add);
  checkAnnotations(task['annotations'], [...path, 'annotations'], add);
  if (isObject(task['foreach'])) checkForeach(task['foreach'], [...path, 'foreach'], add);
}

export function checkEnvironment(env: unknown, path: readonly (string | number)[], add: Add): void {
  eachOf(env, path, (entry, at) => checkEnv(entry, at, add));
}

/** `minimum` and `maximum` that leave nothing between them. */
export function checkParamSchema(entry: unknown, path: readonly (string | number)[], add: Add): void {
  if (!isObject(entry)) return;
  const { minimum, maximum } = entry;
  if (typeof minimum === 'number' && typeof maximum === 'number' && minimum > maximum) {
    add('E-RANGE', [...path, 'minimum'], `is above maximum (${maximum}); no value is allowed.`);
  }
  if (Array.isArray(entry['enum']) && entry['enum'].length === 0) add('E-EMPTY', [...path, 'enum'], 'allows no value.');
}

function checkBody(task: Entry, path: Path, add: Add): void {
  if (task['run'] !== undefined) {
    const other = task['command'] === undefined ? 'args' : 'command';
    if (task[other] !== undefined) {
      add('E-ONE-OF', [...path, other], `${other} stands beside run; a task has one body.`, {
        atKey: true,
        hint: 'Delete one of the two.',
      });
    }
  } else if (task['args'] !== undefined && task['command'] === undefined) {
    add('E-REQUIRED', [...path, 'args'], 'args alone needs an image to start; this release has none.', {
      atKey: true,
      hint: 'Write command.',
    });
  }
}

/** What the cluster puts in is there before the attempt runtime, a shell script, begins. */
const RUNTIME_VARIABLES = /^(PATH|IFS|ENV|BASH_ENV|LC_ALL|LD_.*|fx_.*)$/;

function checkEnv(entry: Entry, path: Path, add: Add): void {
  exactlyOne(entry, ['value', 'valueFrom'], path, add);
  if (isObject(entry['valueFrom']))
    exactlyOne(entry['valueFrom'], ['secretKeyRef', 'configMapKeyRef'], [...path, 'valueFrom'], add);
  if (entry['valueFrom'] !== undefined && RUNTIME_VARIABLES.test(String(entry['name'])))
    add('E-NAME', [...path, 'name'], 'with valueFrom this would change what runs the command, not the command alone.', {
      hint: 'Take the value into a variable of another name, and set this one in setup or in the command.',
    });
  if (typeof entry['name'] === 'string' && entry['name'].startsWith('FIXPOINT_')) {
    add('E-NAME', [...path, 'name'], 'variables that begin with FIXPOINT_ are set by Fixpoint.');
  }
}

function exactlyOne(entry: Entry, fields: readonly string[], path: Path, add: Add): void {
  const present = fields.filter((field) => entry[field] !== undefined);
  if (present.length === 1) return;
  const list = `${fields.slice(0, -1).join(', ')} or ${fields.at(-1) ?? ''}`;
  if (present.length === 0) add('E-ONE-OF', path, `needs one of ${list}.`);
  else
    add(
      'E-ONE-OF',
      [...path, present[1] ?? ''],
      `${present.join(' and ')} exclude one another: write one of ${list}.`,
      { atKey: true },
    );
}

/** Fields of later releases that are sources; the missing one is not worth a second message. */
const LATER_SOURCES = ['wildcards'];
const SOURCES = ['items', 'itemsFrom', 'rows', 'range', 'matrix', 'each'];

function checkForeach(foreach: Entry, path: Path, add: Add): void {
  if (!LATER_SOURCES.some((field) => foreach[field] !== undefined)) exactlyOne(foreach, SOURCES, path, add);
  const hasKey = foreach['key'] !== undefined || foreach['by'] !== undefined;
  if (foreach['rows'] !== undefined && !hasKey) {
    add('E-KEY', path, 'rows needs key: rows are not addressed by position.', {
      hint: 'Write key: ${{ item.COLUMN }} with a column that is unique.',
    });
  }
  const { items } = foreach;
  if (Array.isArray(items) && !hasKey) {
    const at = items.findIndex((item) => typeof item === 'object' && item !== null);
    if (at !== -1)
      add('E-KEY', [...path, 'items', at], 'an element that is a map or a list needs key.', {
        hint: 'Write key: ${{ item.FIELD }} with a field that is unique.',
      });
  }
  if (foreach['each'] !== undefined && foreach['key'] !== undefined) {
    add('E-KEY', [...path, 'key'], 'each takes over the keys of the other fan-out; no key is written here.', {
      atKey: true,
    });
  }
  eachOf(foreach['matrix'], [...path, 'matrix'], (axis, at) =>
    exactlyOne(axis, ['values', 'valuesFrom', 'each'], at, add),
  );
  if (isObject(foreach['range'])) checkRange(foreach['range'], [...path, 'range'], add);
}

function checkRange(range: Entry, path: Path, add: Add): void {
  const number = (value: unknown): number =>
    typeof value === 'string' && value.includes('${{') ? Number.NaN : Number(value);
  if (range['count'] !== undefined && number(range['count']) < 0)
    add('E-RANGE', [...path, 'count'], 'must not be below 0.');
  if (range['step'] !== undefined && number(range['step']) === 0) add('E-RANGE', [...path, 'step'], 'must not be 0.');
  const { format } = range;
  if (typeof format === 'string' && !format.includes('${{') && !/^[^%]*%(?:0\d{1,2}|\d{0,2})d[^%]*$/.test(format)) {
    add('E-FORMAT', [...path, 'format'], 'must hold one %d, or %05d to pad with zeros.');
  }
}
