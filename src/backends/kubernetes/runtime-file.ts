import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OWN_FILES } from '../../base/own-files.ts';
import { runtimeIn } from './pod-template.ts';

/**
 * The attempt runtime, put where pods can read it. Its name is its content, so that an upgrade changes nothing for pods
 * that have not started yet.
 */
export async function installRuntime(runsDir: string): Promise<string> {
  const text = await readFile(new URL('backends/runtime/attempt.sh', OWN_FILES));
  const path = runtimeIn(runsDir, createHash('sha256').update(text).digest('hex').slice(0, 16));
  const there = await readFile(path).catch(() => undefined);
  if (there?.equals(text)) return path;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o755 });
  await rename(draft, path);
  return path;
}
