import type { ASTNode } from '@marcbachmann/cel-js';
import { type Context, compileRequired, newContext, reject, textAt } from './compile-context.ts';
import { didYouMean, listing } from './did-you-mean.ts';
import { EvaluationFailure, type Run } from './evaluation.ts';
import { elementOf, memberOf, readerOf } from './read.ts';
import { type Chain, chainOf, matchReference, ROOTS, type Segment, segmentOf } from './references.ts';
import { ABSENT } from './value.ts';

/** Names and access to parts of values: `params.x`, `tasks.a.at(k).outputs.b`, `item.list[0].?name`. */

export function compileAccess(node: ASTNode, context: Context): Run {
  const chain = chainOf(node);
  if (chain !== undefined && !context.bound.has(chain.root)) return compileName(node, chain, context);
  if (node.op === 'id') return variable(context.bound.get(node.args) ?? 0);
  const step = segmentOf(node);
  if (step === undefined) return reject(node, context, 'E-SYNTAX', 'this is not supported');
  return access(context.compile(step.left, context), step.left, step.segment, context);
}

function variable(slot: number): Run {
  return (frame) => frame.slots[slot] ?? null;
}

function compileName(node: ASTNode, chain: Chain, context: Context): Run {
  if (!ROOTS.has(chain.root)) return unknownRoot(chain, context);
  const match = matchReference(chain, (part) => context.source.slice(part.start, part.end));
  if ('problem' in match) return reject(node, context, 'E-DYNAMIC-NAME', match.problem);
  const { reference, taken, optional } = match;
  const ends = [chain.rootNode.end, ...chain.segments.map((segment) => segment.node.end)];
  const use = { reference, start: chain.rootNode.start, ends, taken, optional };
  context.uses.push(use);
  const argument = chain.segments.slice(0, taken).find((segment) => segment.at !== undefined)?.at;
  let at: Run | undefined;
  if (argument !== undefined) {
    const inner = newContext(context.compile, context.source, context.base, [
      ...context.outside,
      ...context.bound.keys(),
    ]);
    const compiled = context.compile(argument, inner);
    context.problems.push(...inner.problems);
    context.arguments.push({ use, node: argument, run: compiled, context: inner });
    at = withOwnSlots(compiled);
  }
  const text = context.source.slice(use.start, ends[taken]);
  let run = readerOf(reference, text, optional, at);
  if (optional) context.optional.add(run);
  let left = taken === 0 ? chain.rootNode : (chain.segments[taken - 1]?.node ?? node);
  const countsFailures = chain.root === 'attempt' && chain.segments[0]?.name === 'failures';
  for (const [i, segment] of chain.segments.entries()) {
    if (i < taken) continue;
    run = countsFailures && i === 1 ? countOf(run, segment, context) : access(run, left, segment, context);
    left = segment.node;
  }
  return run;
}

/** The argument numbers its variables from 0 again. */
function withOwnSlots(run: Run): Run {
  return (frame) => {
    const slots = frame.slots.splice(0);
    try {
      return run(frame);
    } finally {
      frame.slots.splice(0, frame.slots.length, ...slots);
    }
  };
}

/** `attempt.failures.REASON`: 0 for a reason that did not occur. */
function countOf(left: Run, segment: Segment, context: Context): Run {
  const { name } = segment;
  if (name === undefined)
    return reject(segment.node, context, 'E-DYNAMIC-NAME', 'attempt.failures needs a literal name');
  return (frame) => {
    const failures = left(frame);
    const found = failures === ABSENT ? ABSENT : memberOf(failures, name, true, 'attempt.failures');
    return found === ABSENT ? 0n : found;
  };
}

function access(left: Run, leftNode: ASTNode, segment: Segment, context: Context): Run {
  const { name, index, at, optional, node } = segment;
  if (at !== undefined) return reject(node, context, 'E-DYNAMIC-NAME', 'at(…) belongs after tasks.NAME');
  const text = textAt(leftNode, context);
  const leftOptional = context.optional.has(left);
  const position = name === undefined && index !== undefined ? compileRequired(index, context) : undefined;
  const run: Run = (frame) => {
    frame.spend(1);
    const value = left(frame);
    if (value === ABSENT) {
      if (leftOptional) return ABSENT;
      throw new EvaluationFailure('absent', `${text} is absent`);
    }
    return position === undefined
      ? memberOf(value, name ?? '', optional, text)
      : elementOf(value, position(frame), optional, text);
  };
  if (optional || leftOptional) context.optional.add(run);
  return run;
}

function unknownRoot(chain: Chain, context: Context): Run {
  const { root, rootNode } = chain;
  if (context.outside.has(root)) {
    const message = `the argument of at(…) may use only params, item and key, not the variable ${root}`;
    return reject(rootNode, context, 'E-SCOPE', message);
  }
  const names = `Names are: ${listing([...ROOTS, ...context.bound.keys()])}.`;
  const guess = didYouMean(root, [...ROOTS, ...context.bound.keys()]);
  return reject(rootNode, context, 'E-UNKNOWN-NAME', `${root}: no such name. ${names}${guess}`);
}

/** `tasks.trim-reads`: a name with a hyphen that reads as a subtraction. */
export function minusProblem(node: ASTNode, context: Context): Run | undefined {
  const operands: ASTNode[] = [];
  let at = node;
  while (at.op === '-') {
    operands.push(at.args[1]);
    at = at.args[0];
  }
  const second = operands.at(-1);
  const chain = chainOf(at);
  const last = chain?.segments.at(-1);
  if (chain === undefined || second === undefined || last?.name === undefined || at.op !== '.') return undefined;
  if (!ROOTS.has(chain.root) || context.bound.has(chain.root)) return undefined;
  const suffix = /^(?:-[A-Za-z0-9_]+)+/.exec(context.source.slice(at.end, at.end + 256))?.[0];
  if (suffix === undefined) return undefined;
  const bareTask = chain.root === 'tasks' && chain.segments.length === 1;
  if (!bareTask && !startsUnknown(second, context)) return undefined;
  const short = context.source.slice(chain.rootNode.start, at.end);
  const owner = short
    .slice(0, short.length - last.name.length)
    .trimEnd()
    .replace(/\.$/, '');
  const reading = suffix.slice(1).replaceAll('-', ' minus ');
  return reject(
    at,
    context,
    'E-MINUS',
    `${short}${suffix} reads as ${short} minus ${reading}. Write ${owner}['${last.name}${suffix}'].`,
  );
}

function startsUnknown(node: ASTNode, context: Context): boolean {
  let at = node;
  for (;;) {
    if (at.op === 'id') return !ROOTS.has(at.args) && !context.bound.has(at.args);
    const left = at.op === 'rcall' ? at.args[1] : segmentOf(at)?.left;
    if (left === undefined) return false;
    at = left;
  }
}
