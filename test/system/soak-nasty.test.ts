import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MAX_LOG_BYTES } from '../../src/base/limits.ts';
import { Sandbox } from '../rig/cli.ts';
import { test } from '../rig/in-sandbox.ts';
import { nastyTasks } from '../rig/nasty-tasks.ts';
import { clear, judge, prepare } from '../rig/soak-oracle.ts';
import { spansByTask } from '../rig/task-log.ts';

// Each nasty task alone, undisturbed: the documented end, and nothing left over.

describe('a task that behaves badly ends as documented and leaves nothing behind', () => {
  test.for([...nastyTasks(20)])('%s', async ([name, { spec, ends, loses }]) => {
    const box = new Sandbox();
    try {
      prepare(box);
      const file = box.workflow({
        tasks: [{ name, foreach: { range: { count: 2 } }, allowFailure: true, ...spec }],
      });
      expect((await box.run(file)).code).toBe(0);
      const expected = new Map([0, 1].map((i) => [`${name}/${i}`, { ends, again: 0, loses: loses ?? 0 }]));
      const verdict = await judge(box, expected, new Set());
      expect(verdict).toMatchObject({ lost: [], doubled: [], overlapping: [], leftOver: [] });
      expect(verdict.attempts).toBe(2 + 2 * (loses ?? 0));
    } finally {
      await clear(box);
    }
  });
});
