/**
 * Defects that the simulation has found and that are not mended yet: a seed that stands here may end with what is
 * said beside it. Whoever mends one deletes its entry.
 */
export interface KnownDefect {
  readonly seeds: readonly number[];
  readonly violation: RegExp;
  readonly defect: string;
}

export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    seeds: [372],
    violation: /^plan: \S+ ran, the plan said Adopt/,
    defect: 'a renamed task adopts a result whose outputs do not stand, and then runs',
  },
  {
    seeds: [585],
    violation: /^plan: \S+ ran, the plan said Keep/,
    defect: 'plan keeps what reads from a task that resetAlso of another one resets',
  },
];
