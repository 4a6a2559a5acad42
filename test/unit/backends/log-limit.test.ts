import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { limitLogs } from '../../../src/backends/process/log-limit.ts';
import { KEPT_LOG_BYTES, MAX_LOG_BYTES } from '../../../src/base/limits.ts';

const folder = mkdtempSync(join(tmpdir(), 'fixpoint-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a log within its limit is left alone', async () => {
  writeFileSync(join(folder, 'stderr'), 'short\n');
  await limitLogs(folder, false);
  expect(readFileSync(join(folder, 'stderr'), 'utf8')).toBe('short\n');
});

it('of one that is too long the end is kept, and the command goes on writing to it', async () => {
  const path = join(folder, 'stdout');
  writeFileSync(path, 'first\n');
  // Without blocks on the disk: only its length counts.
  truncateSync(path, MAX_LOG_BYTES + 1);
  const command = await open(path, 'a');
  await command.write('last\n');
  await limitLogs(folder, false);
  await command.write('later\n');
  await command.close();
  const files = [path, `${path}.old`].filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  const all = files.map((file) => readFileSync(file, 'latin1')).join('');
  expect(all.length).toBeLessThanOrEqual(KEPT_LOG_BYTES + 1_000);
  expect(all).toContain('last\n');
  expect(readFileSync(path, 'latin1').endsWith('later\n')).toBe(true);
});

it('of one whose command has ended the end is what is read last', async () => {
  const path = join(folder, 'stdout');
  truncateSync(path, MAX_LOG_BYTES + 1);
  writeFileSync(path, 'the last line\n', { flag: 'a' });
  await limitLogs(folder, true);
  expect(readFileSync(path, 'latin1').endsWith('the last line\n')).toBe(true);
  expect(statSync(path).size).toBeLessThan(2 * KEPT_LOG_BYTES);
});
