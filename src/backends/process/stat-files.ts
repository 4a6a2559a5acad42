import { type BigIntStats, stat } from 'node:fs';

/** Many, so that the threads behind the calls and this one seldom wait for each other; others still get in between. */
const STATS_AT_ONCE = 250;

/**
 * What lies at each path; asking for one that could not be seen throws the error. By callbacks: a thousand promises
 * would cost three times as much as what they wait for.
 */
export function statFiles(paths: readonly string[]): Promise<(path: string) => BigIntStats | undefined> {
  const seen = new Map<string, BigIntStats | Error>();
  let at = 0;
  let underway = 0;
  return new Promise((resolve) => {
    const next = (): void => {
      while (underway < STATS_AT_ONCE && at < paths.length) {
        const path = paths[at++] as string;
        underway++;
        stat(path, { bigint: true }, (error, stats) => {
          seen.set(path, error ?? stats);
          underway--;
          next();
        });
      }
      if (underway === 0) resolve((path) => orThrow(seen.get(path)));
    };
    next();
  });
}

function orThrow(seen: BigIntStats | Error | undefined): BigIntStats | undefined {
  if (seen instanceof Error) throw seen;
  return seen;
}
