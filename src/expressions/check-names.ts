import type { Use } from './compile-context.ts';
import { didYouMean, listing } from './did-you-mean.ts';
import type { Expression, Join } from './expression.ts';
import { FIXED_NAMES, type Place } from './place.ts';
import { type Problem, problemAt } from './problem.ts';
import { isLate, type Reference, type TaskReference } from './references.ts';

/** Names at their place: known, in scope, and not later than the field may be. */
export function checkNames(expression: Expression, place: Place): Problem[] {
  const { uses, base } = expression.program;
  const problems: Problem[] = [];
  for (const use of uses) {
    const end = use.ends[use.taken] ?? use.start + 1;
    const at = { offset: base + use.start, length: Math.max(1, end - use.start) };
    const wrong = nameProblem(use, place);
    if (wrong !== undefined) problems.push(problemAt(wrong.code, wrong.message, at));
  }
  for (const join of expression.joins) problems.push(...checkJoin(join, place));
  return problems;
}

interface Wrong {
  readonly code: string;
  readonly message: string;
}

const unknown = (message: string): Wrong => ({ code: 'E-UNKNOWN-NAME', message });
const outOfScope = (message: string): Wrong => ({ code: 'E-SCOPE', message });

function nameProblem(use: Use, place: Place): Wrong | undefined {
  const { reference } = use;
  if (isLate(reference) && !place.late) {
    const allowed = place.lateHint ?? `Allowed here: ${listing(earlyNames(place))}.`;
    const reason = 'which is known only at launch and is not part of the identity';
    return { code: 'E-LATE', message: `${place.field} uses ${writtenAs(reference)}, ${reason}. ${allowed}` };
  }
  switch (reference.root) {
    case 'params':
      return missing('params', reference.name, place.params.keys(), 'parameter');
    case 'key':
      return place.key ? undefined : unknown(`key: ${place.field} belongs to no fan-out. Add foreach to the task.`);
    case 'item':
      return itemProblem(reference.path, place);
    case 'inputs':
    case 'outputs':
    case 'files': {
      const names = place[reference.root];
      if (names === undefined) return outOfScope(`${reference.root} cannot be used in ${place.field}.`);
      return missing(reference.root, reference.name, names.keys(), reference.root.slice(0, -1));
    }
    case 'resources':
    case 'workflow':
      return missing(reference.root, reference.name, FIXED_NAMES[reference.root].keys(), 'name');
    case 'attempt': {
      const [first] = reference.path;
      return first === undefined ? undefined : missing('attempt', first, FIXED_NAMES.attempt.keys(), 'name');
    }
    case 'tasks':
      return taskProblem(reference, place);
    case 'filesize':
      return undefined;
  }
}

function missing(root: string, name: string, known: Iterable<string>, kind: string): Wrong | undefined {
  const names = [...known];
  if (names.includes(name)) return undefined;
  const guess = didYouMean(name, names);
  return unknown(`${root}.${name}: no such ${kind}. Known here: ${listing(names)}.${guess}`);
}

function itemProblem(path: readonly string[], place: Place): Wrong | undefined {
  if (place.item === undefined) return unknown(`item: ${place.field} belongs to no fan-out. Add foreach to the task.`);
  const [column] = path;
  if (typeof place.item === 'string' || column === undefined) return undefined;
  return missing('item', column, place.item.keys(), 'column');
}

function taskProblem(reference: TaskReference, place: Place): Wrong | undefined {
  const { task: name, member, at } = reference;
  if (place.tasks === undefined) return outOfScope(`tasks cannot be used in ${place.field}.`);
  const task = place.tasks.get(name);
  if (task === undefined) return invisible(reference, place);
  if (at !== undefined && !task.fanOut) return unknown(`tasks.${name}.at: ${name} is no fan-out. Leave out .at(…).`);
  if ((member === 'keys' || member === 'failed') && (!task.fanOut || at !== undefined)) {
    return unknown(`tasks.${name}.${member}: only a fan-out as a whole has it.`);
  }
  if (member === 'other') {
    const members = task.fanOut ? 'outputs, phase, reason, keys, failed' : 'outputs, phase, reason';
    const guess = didYouMean(reference.name ?? '', members.split(', '));
    return unknown(`tasks.${name}.${reference.name}: a task has ${members}.${guess}`);
  }
  if (member !== 'outputs') return undefined;
  return missing(`tasks.${name}.outputs`, reference.name ?? '', task.outputs.keys(), 'output');
}

function invisible(reference: TaskReference, place: Place): Wrong {
  const { task: name } = reference;
  const group = place.hidden?.get(name);
  if (group !== undefined) {
    const output = reference.name ?? 'NAME';
    const written = `\${{ tasks.${name}.outputs.${output} }}`;
    return outOfScope(
      `tasks.${name}: ${name} is inside group ${group} and cannot be seen from ${place.field}. ` +
        `Export it: ${group}.outputs: [{name: ${output}, from: "${written}"}].`,
    );
  }
  const names = [...(place.tasks?.keys() ?? [])];
  return unknown(`tasks.${name}: no such task in scope. In scope here: ${listing(names)}.${didYouMean(name, names)}`);
}

/** The argument of `.at()` decides edges, so it may use only what is known when the graph is made. */
function checkJoin(join: Join, place: Place): Problem[] {
  const { argument } = join;
  const forbidden = argument.references.filter((r) => r.root !== 'params' && r.root !== 'item' && r.root !== 'key');
  const [first] = forbidden;
  if (first === undefined) return checkNames(argument, place);
  const message = `the argument of tasks.${join.task}.at(…) decides which elements are waited for: it may use only params, item and key, not ${writtenAs(first)}.`;
  return [problemAt('E-SCOPE', message, argument)];
}

function earlyNames(place: Place): string[] {
  const names = ['params'];
  if (place.item !== undefined) names.push('item');
  if (place.key) names.push('key');
  for (const root of ['tasks', 'inputs', 'outputs', 'files'] as const) if (place[root] !== undefined) names.push(root);
  return [...names, 'workflow.name', 'workflow.namespace'];
}

/** A reference as its author wrote it. */
export function writtenAs(reference: Reference): string {
  if (reference.root === 'filesize') return 'filesize(…)';
  if (reference.root === 'tasks') return `tasks.${reference.task}`;
  if ('path' in reference) return [reference.root, ...reference.path].join('.');
  return 'name' in reference ? `${reference.root}.${reference.name}` : reference.root;
}
