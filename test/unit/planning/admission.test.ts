import { describe, expect, test } from 'vitest';
import type { TaskSpec } from '../../../src/apis/workflow.ts';
import type { Room } from '../../../src/planning/snapshot.ts';
import { Situation } from './situation.ts';

// Each backend has its own room and its own queue.

const room = (part: Partial<Room>): Room => ({ cpu: 2, memoryBytes: 1, gpu: 0, attempts: 10, ahead: () => 0, ...part });
const many = (count: number, part: Partial<TaskSpec>): TaskSpec[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${part.backend ?? 'own'}${i}`, run: 'true', ...part }));

function launched(
  rooms: Readonly<Record<string, Partial<Room>>>,
  tasks: readonly TaskSpec[],
  parallelism = 0,
): string[] {
  const situation = new Situation({ tasks });
  situation.settings = { ...situation.settings, parallelism };
  situation.room = (backend) => room(rooms[backend ?? ''] ?? {});
  return situation.actions().map((action) => action.replace('Launch ', ''));
}

describe('several backends', () => {
  test('one that is full holds up no other, however many wait for it', () => {
    const tasks = [...many(500, { backend: 'full', priority: 9 }), ...many(5, {})];
    expect(launched({ full: { cpu: 0 } }, tasks)).toEqual(['own0', 'own1']);
    expect(launched({ full: { attempts: 0 } }, tasks)).toEqual(['own0', 'own1']);
  });

  test('one whose ready tasks are too big for it holds up no other', () => {
    const tasks = [...many(500, { backend: 'small', priority: 9 }), ...many(5, {})];
    expect(launched({ small: { cpu: 0.5 } }, tasks)).toEqual(['own0', 'own1']);
  });

  test('attempts are counted where cores are not', () => {
    const tasks = many(50, { backend: 'queue' });
    expect(launched({ queue: { cpu: Number.MAX_SAFE_INTEGER, attempts: 7 } }, tasks)).toHaveLength(7);
  });

  test("the workflow's own limit goes to the most important, wherever they run", () => {
    const tasks = [...many(2, { backend: 'a' }), ...many(2, { backend: 'b', priority: 1 }), ...many(2, {})];
    expect(launched({}, tasks, 3)).toEqual(['b0', 'b1', 'a0']);
  });
});
