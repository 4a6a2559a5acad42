import { expect, test } from 'vitest';
import { Semaphore } from '../../../src/base/semaphore.ts';

test('so many run at a time, in the order asked, and a failure gives its place back', async () => {
  const semaphore = new Semaphore(3);
  const began: number[] = [];
  let running = 0;
  let most = 0;
  const ended = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      semaphore.run(async () => {
        began.push(i);
        most = Math.max(most, ++running);
        for (let turns = (i * 7) % 5; turns >= 0; turns--) await Promise.resolve();
        running--;
        if (i % 4 === 0) throw new Error('of the section');
        return i;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(began).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(ended.map((end) => (end.status === 'fulfilled' ? end.value : undefined))).toEqual(
    Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? undefined : i)),
  );
});
