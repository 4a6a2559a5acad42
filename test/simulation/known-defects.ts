/**
 * Defects that the simulation has found and that are not mended yet: a history that ends with one of these is counted
 * and not taken as a failure. Whoever mends one deletes its line; the seeds that showed it stand beside it.
 */
export interface KnownDefect {
  readonly violation: RegExp;
  readonly defect: string;
  readonly seeds: readonly number[];
}

export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    violation: /^P1 livelock/,
    defect: 'decide marks a task that waits for its readers dirty in every decision, so turn follows turn without end',
    seeds: [40, 48],
  },
  {
    violation: /its token \w+ was used before/,
    defect: 'a pruned record forgets its last attempt number: put back, the task gets the token of its first attempt',
    seeds: [95, 284, 511],
  },
  {
    violation: /^plan: \S+ ran, the plan said Keep/,
    defect: 'plan does not follow resetAlso to the upstreams that it resets',
    seeds: [39, 473],
  },
  {
    violation: /^plan: \S+ ran, the plan said Update/,
    defect: 'plan promises to put outputs back without a look whether they are there',
    seeds: [133],
  },
  {
    violation: /^plan: \S+ ran, the plan said Adopt/,
    defect: 'a renamed task adopts a result whose outputs do not stand, and runs',
    seeds: [372],
  },
];
