import { MAX_PATTERN_STEPS } from '../base/limits.ts';
import { MeetingNames } from './meeting-names.ts';
import { namesOf } from './pattern-shape.ts';

/** A pattern, whose it is, and which one that is: owners are numbered in the order they are added in. */
export interface OwnedPattern<Owner> {
  readonly pattern: string;
  readonly owner: Owner;
  readonly number: number;
}

interface Place<Owner> {
  /** The first that comes by here. */
  readonly first: OwnedPattern<Owner>;
  /** The first that ends here. */
  end: OwnedPattern<Owner> | undefined;
  /** Most have nothing below. */
  below: MeetingNames<Place<Owner>> | undefined;
}

/**
 * Patterns by their names, to find two that may match the same path, or one a folder that holds what the other matches.
 * It never overlooks such a pair; it may name one that no file will ever prove (`namesOf`). Looking goes only where names can be
 * the same, and ends when no steps are left.
 */
export class OutputPatterns<Owner> {
  #root: Place<Owner> | undefined;

  /** In the order of numbers. */
  add(pattern: OwnedPattern<Owner>): void {
    this.#root ??= place(pattern);
    let at = this.#root;
    for (const name of namesOf(pattern.pattern)) {
      at.below ??= new MeetingNames();
      at = at.below.take(name, () => place(pattern));
    }
    at.end ??= pattern;
  }

  /** One with a smaller number that may meet this pattern. `TooMany`: no steps are left, it would take too long. */
  meeting(
    pattern: string,
    number: number = Number.POSITIVE_INFINITY,
    steps = { left: MAX_PATTERN_STEPS },
  ): OwnedPattern<Owner> | 'TooMany' | undefined {
    const before = (found: OwnedPattern<Owner> | undefined): boolean => found !== undefined && found.number < number;
    let places = this.#root && before(this.#root.first) ? [this.#root] : [];
    for (const name of namesOf(pattern)) {
      const ended = places.find((p) => before(p.end));
      if (ended) return ended.end;
      const next: Place<Owner>[] = [];
      for (const at of places) {
        for (const found of at.below?.meeting(name, steps) ?? []) if (before(found.first)) next.push(found);
        if (steps.left <= 0) return 'TooMany';
      }
      if (next.length === 0) return undefined;
      places = next;
    }
    return places[0]?.first;
  }
}

function place<Owner>(first: OwnedPattern<Owner>): Place<Owner> {
  return { first, end: undefined, below: undefined };
}
