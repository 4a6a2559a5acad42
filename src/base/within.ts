import type { Clock } from './clock.ts';

/** The answer, or undefined if it takes longer; who asked goes on, the answer may still come. */
export function within<T>(clock: Clock, ms: number, answer: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => resolve(undefined));
    answer.then(resolve, reject).finally(stop);
  });
}
