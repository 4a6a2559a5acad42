import { appendFile, open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failPoint } from '../../base/fail-point.ts';
import { KEPT_LOG_BYTES, MAX_LOG_BYTES } from '../../base/limits.ts';

/**
 * Keeps the log of a running attempt below `MAX_LOG_BYTES`: the end of it goes to `NAME.old`, the rest is dropped and
 * the log begins again with a line that says so. The runtime opens logs for appending, so a writer goes on at the new
 * end. Output that the task redirects to a path of its own is the user's and is not touched.
 */
async function limitLog(directory: string, name: 'stdout' | 'stderr', ended: boolean): Promise<void> {
  const path = join(directory, name);
  const size = await stat(path).then(
    (s) => s.size,
    () => 0,
  );
  if (size <= MAX_LOG_BYTES) return;
  const file = await open(path, 'r');
  const tail = Buffer.alloc(KEPT_LOG_BYTES);
  const { bytesRead } = await file.read(tail, 0, KEPT_LOG_BYTES, size - KEPT_LOG_BYTES);
  await file.close();
  failPoint('limit.before');
  await writeFile(`${path}.old`, tail.subarray(0, bytesRead));
  failPoint('limit.kept');
  await truncate(path, 0);
  failPoint('limit.cut');
  await appendFile(
    path,
    `[fixpoint: ${size - bytesRead} bytes dropped (MAX_LOG_BYTES); the ${bytesRead} before here are in ${name}.old]\n`,
  );
  // Whoever reads the end of it wants to see the end; while somebody writes it would come after what is newer.
  if (ended) await appendFile(path, tail.subarray(0, bytesRead));
  failPoint('limit.after');
}

/** Both logs of an attempt. What cannot be cut now is looked at again, or was the last of it. */
export async function limitLogs(directory: string, ended: boolean): Promise<void> {
  for (const name of ['stdout', 'stderr'] as const) await limitLog(directory, name, ended).catch(() => undefined);
}
