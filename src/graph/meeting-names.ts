import { type NameShape, nameMatcher } from './pattern-shape.ts';
import { rangeOf, reversed } from './sorted-texts.ts';

interface Wild<Value> {
  readonly name: NameShape;
  readonly value: Value;
}

/** Shapes with one beginning, or with one ending: found by the other end. */
interface Group<Value> {
  /** By the other end as it is read towards the middle; several shapes may have the same. */
  readonly byOther: Map<string, Wild<Value>[]>;
  sorted: readonly string[] | undefined;
}

/**
 * Names, literal or with wildcards, and something for each. Two names with wildcards can be the same only if the beginning
 * of one begins with that of the other, and likewise the endings.
 */
export class MeetingNames<Value> {
  readonly #literal = new Map<string, Value>();
  readonly #wild = new Map<string, Value>();
  readonly #byStart = new Map<string, Group<Value>>();
  readonly #byEnd = new Map<string, Group<Value>>();
  #sorted: Sorted | undefined;

  /** What is there for this name; if nothing is, `make` makes it. */
  take(name: NameShape, make: () => Value): Value {
    const known = (name.literal ? this.#literal : this.#wild).get(name.text);
    if (known !== undefined) return known;
    const value = make();
    this.#sorted = undefined;
    (name.literal ? this.#literal : this.#wild).set(name.text, value);
    if (name.literal) return value;
    const wild = { name, value };
    put(this.#byStart, name.start, reversed(name.end), wild);
    put(this.#byEnd, reversed(name.end), name.start, wild);
    return value;
  }

  /** All that this name can be the same as, or more than that, each once. */
  meeting(name: NameShape, steps: { left: number }): readonly Value[] {
    steps.left--;
    const found: Value[] = [];
    if (name.literal) {
      const same = this.#literal.get(name.text);
      if (same !== undefined) found.push(same);
    } else this.#literals(name, found, steps);
    if (this.#wild.size === 0) return found;
    for (const wild of this.#wilds(name, steps))
      if (!name.literal || nameMatcher(wild.name).matches(name.text)) found.push(wild.value);
    return found;
  }

  /** The literal ones that a name with wildcards matches. */
  #literals(name: NameShape, found: Value[], steps: { left: number }): void {
    if (this.#literal.size === 0) return;
    const { literals, literalsReversed } = this.#sort();
    const { matches } = nameMatcher(name);
    const byStart = rangeOf(literals, name.start);
    const byEnd = rangeOf(literalsReversed, reversed(name.end));
    const useEnd = byEnd.to - byEnd.from < byStart.to - byStart.from;
    const { from, to } = useEnd ? byEnd : byStart;
    for (let at = from; at < to && steps.left > 0; at++, steps.left--) {
      const text = useEnd ? reversed(literalsReversed[at] as string) : (literals[at] as string);
      if (matches(text)) found.push(this.#literal.get(text) as Value);
    }
  }

  /** Names with wildcards whose ends suit this one. */
  #wilds(name: NameShape, steps: { left: number }): Wild<Value>[] {
    const found: Wild<Value>[] = [];
    const end = reversed(name.end);
    // Theirs begins as ours does, or shorter: then their end may be longer or shorter than ours.
    for (const start of beginnings(name.start)) {
      const group = this.#byStart.get(start);
      if (group) inGroup(group, end, true, found, steps);
    }
    // From here on theirs begins as ours does, and goes on. No literal name is so long.
    if (name.literal) return found;
    for (const one of beginnings(end)) {
      const group = this.#byEnd.get(one);
      if (group) inGroup(group, name.start, false, found, steps);
    }
    // Both go on: whichever are fewer.
    const { starts, ends } = this.#sort();
    const byStart = rangeOf(starts, name.start);
    const byEnd = rangeOf(ends, end);
    const useEnd = byEnd.to - byEnd.from < byStart.to - byStart.from;
    const { from, to } = useEnd ? byEnd : byStart;
    for (let at = from; at < to && steps.left > 0; at++) {
      const text = (useEnd ? ends : starts)[at] as string;
      if (text === (useEnd ? end : name.start)) continue;
      for (const [other, values] of ((useEnd ? this.#byEnd : this.#byStart).get(text) as Group<Value>).byOther) {
        steps.left--;
        const ours = useEnd ? name.start : end;
        if (other !== ours && other.startsWith(ours)) found.push(...values);
      }
    }
    return found;
  }

  #sort(): Sorted {
    this.#sorted ??= {
      literals: [...this.#literal.keys()].sort(),
      literalsReversed: [...this.#literal.keys()].map(reversed).sort(),
      starts: [...this.#byStart.keys()].sort(),
      ends: [...this.#byEnd.keys()].sort(),
    };
    return this.#sorted;
  }
}

interface Sorted {
  readonly literals: readonly string[];
  readonly literalsReversed: readonly string[];
  readonly starts: readonly string[];
  readonly ends: readonly string[];
}

function put<Value>(groups: Map<string, Group<Value>>, at: string, other: string, wild: Wild<Value>): void {
  let group = groups.get(at);
  if (!group) groups.set(at, (group = { byOther: new Map(), sorted: undefined }));
  const values = group.byOther.get(other);
  if (values) values.push(wild);
  else group.byOther.set(other, [wild]);
  group.sorted = undefined;
}

/** Those whose other end begins as `other` does: shorter ones if `shorter`, the same, and longer ones. */
function inGroup<Value>(
  group: Group<Value>,
  other: string,
  shorter: boolean,
  found: Wild<Value>[],
  steps: { left: number },
): void {
  for (const one of shorter ? beginnings(other) : []) {
    steps.left--;
    found.push(...(group.byOther.get(one) ?? []));
  }
  group.sorted ??= [...group.byOther.keys()].sort();
  const { from, to } = rangeOf(group.sorted, other);
  for (let at = from; at < to && steps.left > 0; at++, steps.left--) {
    const text = group.sorted[at] as string;
    if (text !== other) found.push(...(group.byOther.get(text) as Wild<Value>[]));
  }
}

/** Of a text, from the empty one to itself. */
function* beginnings(text: string): Generator<string> {
  for (let length = 0; length <= text.length; length++) yield text.slice(0, length);
}
