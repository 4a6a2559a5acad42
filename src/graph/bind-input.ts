import { fail, ok, type Result } from '../base/result.ts';
import { evaluate, evaluateFully } from '../expressions/expression.ts';
import type { Scope } from '../expressions/scope.ts';
import { renderText, type Template } from '../expressions/template.ts';
import { ABSENT } from '../expressions/value.ts';
import { absolutePath } from './paths.ts';
import type { TaskTemplate } from './template.ts';

/**
 * The paths of one input, in one scope. While the graph is built every declared output counts as made; an expression
 * that guards an absent value (`default(tasks.a.outputs.x, tasks.b.outputs.y)`) is bound again when its upstreams have
 * ended and may name another path then.
 */
export function bindInput(
  input: TaskTemplate['inputs'][number],
  scope: Scope,
  workdir: string,
): Result<readonly string[], { readonly template: Template; readonly message: string }> {
  const [only] = input.templates;
  const joined = input.spec.paths && only && input.templates.length === 1 ? spliceList(only, scope) : undefined;
  if (joined) return ok(joinedPaths(joined, workdir));
  const paths: string[] = [];
  for (const template of input.templates) {
    const spliced = input.spec.paths ? spliceList(template, scope) : undefined;
    // No spread: a list may be longer than the stack.
    if (spliced) for (const path of spliced) paths.push(absolutePath(workdir, path));
    else {
      const path = template.expressions.length === 0 ? ok(template.literals[0] ?? '') : renderText(template, scope);
      if (!path.ok) return fail({ template, message: path.error });
      paths.push(absolutePath(workdir, path.value));
    }
  }
  return ok(paths);
}

/** Whether the paths may be others once it is known which outputs were made. */
export function rebinds(input: TaskTemplate['inputs'][number]): boolean {
  return input.templates.some((t) =>
    t.expressions.some((e) => e.pure === undefined && e.references.some((r) => r.root === 'tasks')),
  );
}

/** Whether one of its expressions has no value at all in this scope. */
export function isAbsentInput(input: TaskTemplate['inputs'][number], scope: Scope): boolean {
  return input.templates.some((t) =>
    t.expressions.some((e) => {
      const value = evaluateFully(e, scope);
      return value.ok ? value.value === ABSENT : value.error.absent;
    }),
  );
}

const joinedBefore = new WeakMap<readonly string[], readonly string[]>();

/** Elements that join the same fan-out share one list: with thousands of each, copies would fill the memory. */
function joinedPaths(list: readonly string[], workdir: string): readonly string[] {
  const known = joinedBefore.get(list);
  if (known) return known;
  const made = list.map((path) => absolutePath(workdir, path));
  joinedBefore.set(list, made);
  return made;
}

/** An entry of `paths` that is one expression of a list is spliced. */
function spliceList(template: Template, scope: Scope): string[] | undefined {
  const [only] = template.expressions;
  if (!only || template.expressions.length !== 1 || template.literals.some((l) => l !== '')) return undefined;
  const value = evaluate(only, scope);
  if (!value.ok || value.value === ABSENT || !Array.isArray(value.value)) return undefined;
  return value.value.every((v) => typeof v === 'string') ? value.value : undefined;
}
