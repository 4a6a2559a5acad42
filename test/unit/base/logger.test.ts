import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/logger.ts';

test('lines are JSON with time, level, fields and message, from the level on, written at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'logger-'));
  const file = join(folder, 'log');
  const destination = openSync(file, 'w');
  try {
    const log = await createLogger({ level: 'warn', destination });
    log.debug({}, 'not shown');
    log.info({}, 'not shown');
    log.warn({ workflow: 'w' }, 'careful');
    log.error({ error: new Error('broken') }, 'failed');
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(lines).toEqual([
      { level: 'warn', time, workflow: 'w', msg: 'careful' },
      {
        level: 'error',
        time,
        error: expect.objectContaining({ message: 'broken', stack: expect.any(String) }),
        msg: 'failed',
      },
    ]);
  } finally {
    closeSync(destination);
    rmSync(folder, { recursive: true });
  }
});
