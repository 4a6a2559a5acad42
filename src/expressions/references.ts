import type { ASTNode } from '@marcbachmann/cel-js';

/** A name of section 5 that an expression may read: its inputs, and the edges of the graph. */
export type Reference =
  | { readonly root: 'params'; readonly name: string }
  | { readonly root: 'item'; readonly path: readonly string[] }
  | { readonly root: 'key' }
  | TaskReference
  | { readonly root: 'inputs' | 'outputs' | 'files' | 'resources' | 'workflow'; readonly name: string }
  | { readonly root: 'attempt'; readonly path: readonly string[] }
  | { readonly root: 'filesize' };

export interface TaskReference {
  readonly root: 'tasks';
  readonly task: string;
  /** CEL source of the argument of `.at()`; undefined: the whole task. */
  readonly at: string | undefined;
  readonly member: 'outputs' | 'phase' | 'reason' | 'keys' | 'failed' | 'other';
  /** The output's name; of `other` the member as written. */
  readonly name: string | undefined;
}

export const ROOTS: ReadonlySet<string> = new Set([
  'params',
  'item',
  'key',
  'tasks',
  'inputs',
  'outputs',
  'files',
  'resources',
  'workflow',
  'attempt',
]);

/** One step of `root.a['b'].at(k).?c[0]`. */
export interface Segment {
  readonly node: ASTNode;
  /** A literal name; undefined for an index that is computed, a number, or `.at(…)`. */
  readonly name: string | undefined;
  readonly index: ASTNode | undefined;
  readonly at: ASTNode | undefined;
  /** Written `.?` or `[?`. */
  readonly optional: boolean;
}

export interface Chain {
  readonly root: string;
  readonly rootNode: ASTNode;
  readonly segments: readonly Segment[];
}

/** An access chain down to the identifier that it starts from; undefined for anything else. */
export function chainOf(node: ASTNode): Chain | undefined {
  const segments: Segment[] = [];
  let at = node;
  for (;;) {
    if (at.op === 'id') return { root: at.args, rootNode: at, segments: segments.reverse() };
    const step = segmentOf(at);
    if (step === undefined) return undefined;
    segments.push(step.segment);
    at = step.left;
  }
}

/** The last step of an access, and what it is applied to. */
export function segmentOf(node: ASTNode): { segment: Segment; left: ASTNode } | undefined {
  const none = { node, name: undefined, index: undefined, at: undefined };
  if (node.op === '.' || node.op === '.?') {
    return { segment: { ...none, name: node.args[1], optional: node.op === '.?' }, left: node.args[0] };
  }
  if (node.op === '[]' || node.op === '[?]') {
    const [left, index] = node.args;
    const name = index.op === 'value' && typeof index.args === 'string' ? index.args : undefined;
    return { segment: { ...none, name, index, optional: node.op === '[?]' }, left };
  }
  if (node.op === 'rcall' && node.args[0] === 'at' && node.args[2].length === 1) {
    return { segment: { ...none, at: node.args[2][0], optional: false }, left: node.args[1] };
  }
  return undefined;
}

/** What a chain refers to: how many of its segments the reference takes, or why it is none. */
export type Match =
  | { readonly reference: Reference; readonly taken: number; readonly optional: boolean }
  | { readonly problem: string };

/**
 * Names must be literal: what an expression may read is known before anything runs, or neither edges nor
 * identities could be.
 */
export function matchReference(chain: Chain, textOf: (node: ASTNode) => string): Match {
  const { root, segments } = chain;
  const misplaced = segments.findIndex((segment) => segment.at !== undefined);
  if (misplaced >= 0 && !(root === 'tasks' && misplaced === 1)) return { problem: 'at(…) belongs after tasks.NAME' };
  if (root === 'key') return { reference: { root }, taken: 0, optional: false };
  if (root === 'item' || root === 'attempt') {
    const path: string[] = [];
    for (const { name } of segments) {
      if (name === undefined) break;
      path.push(name);
    }
    return { reference: { root, path }, taken: 0, optional: false };
  }
  if (root === 'tasks') return matchTask(segments, textOf);
  const [first] = segments;
  if (first?.name === undefined) return { problem: `${root} needs a literal name: write ${root}.NAME` };
  const reference = { root: root as 'params' | 'inputs', name: first.name };
  return { reference, taken: 1, optional: first.optional };
}

const MEMBERS: ReadonlySet<string> = new Set(['outputs', 'phase', 'reason', 'keys', 'failed']);

function matchTask(segments: readonly Segment[], textOf: (node: ASTNode) => string): Match {
  const task = segments[0]?.name;
  if (task === undefined) return { problem: 'tasks needs a literal name: write tasks.NAME' };
  const at = segments[1]?.at;
  const before = at === undefined ? 1 : 2;
  const argument = at === undefined ? undefined : textOf(at);
  const member = segments[before]?.name;
  const written = `tasks.${task}${argument === undefined ? '' : `.at(${argument})`}`;
  if (member === undefined) {
    return { problem: `${written} is no value by itself: add .outputs.NAME, .phase or .reason` };
  }
  const base = { root: 'tasks', task, at: argument } as const;
  if (!MEMBERS.has(member)) {
    return { reference: { ...base, member: 'other', name: member }, taken: before + 1, optional: false };
  }
  if (member !== 'outputs') {
    const reference = { ...base, member: member as 'phase', name: undefined };
    return { reference, taken: before + 1, optional: false };
  }
  const output = segments[before + 1];
  if (output?.name === undefined) {
    return { problem: `${written}.outputs needs a literal name: write ${written}.outputs.NAME` };
  }
  const reference = { ...base, member, name: output.name } as const;
  return { reference, taken: before + 2, optional: output.optional };
}

/** Whether the value is known only when an attempt starts, and so is no part of any identity. */
export function isLate(reference: Reference): boolean {
  if (reference.root === 'resources' || reference.root === 'attempt' || reference.root === 'filesize') return true;
  return reference.root === 'workflow' && (reference.name === 'uid' || reference.name === 'dir');
}
