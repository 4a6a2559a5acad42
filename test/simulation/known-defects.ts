/**
 * Defects that the simulation has found and that are not mended yet: a seed that stands here may end with what is
 * said beside it. Whoever mends one deletes its entry.
 */
export interface KnownDefect {
  readonly seeds: readonly number[];
  readonly violation: RegExp;
  readonly defect: string;
}

export const KNOWN_DEFECTS: readonly KnownDefect[] = [];
