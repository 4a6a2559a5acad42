import { type BigIntStats, stat } from 'node:fs';

/** Many, so that the threads behind the calls and this one seldom wait for each other; others still get in between. */
const STATS_AT_ONCE = 250;

/**
 * What lies at each path; asking for one that could not be seen throws the error. By callbacks: a thousand promises
 * would cost three times as much as what they wait for.
 */
export function statFiles(paths: readonly string[]): Promise<(path: string) => BigIntStats> {
  const seen = new Map<string, BigIntStats | Error>();
  let at = 0;
  let underway = 0;
  return new Promise((resolve) => {
    const done = (path: string, found: BigIntStats | Error): void => {
      seen.set(path, found);
      underway--;
    };
    const begin = (path: string): void => {
      underway++;
      try {
        stat(path, { bigint: true }, (error, stats) => {
          done(path, error ?? stats);
          next();
        });
      } catch (error) {
        // No path can be so: it is refused before anybody looks.
        done(path, error as Error);
      }
    };
    const next = (): void => {
      while (underway < STATS_AT_ONCE && at < paths.length) begin(paths[at++] as string);
      if (underway === 0) resolve((path) => orThrow(seen.get(path)));
    };
    next();
  });
}

function orThrow(seen: BigIntStats | Error | undefined): BigIntStats {
  if (seen instanceof Error) throw seen;
  if (!seen) throw new Error('it was not asked for');
  return seen;
}
