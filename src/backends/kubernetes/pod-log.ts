import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEPT_LOG_BYTES } from '../../base/limits.ts';
import type { Api } from '../../kubernetes/api.ts';
import type { ObjectReference } from '../../kubernetes/resource.ts';

/** Puts the log of a pod where logs of attempts lie; both of its streams are one. What cannot be had is left out. */
export async function keepPodLog(
  api: Pick<Api, 'log'>,
  { namespace, name }: ObjectReference,
  directory: string,
): Promise<void> {
  const log = await api.log({ namespace, name }, { limitBytes: KEPT_LOG_BYTES });
  if (!log.ok) return;
  const chunks: Buffer[] = [];
  for await (const chunk of log.value) if (chunk.ok) chunks.push(chunk.value);
  await writeFile(join(directory, 'stdout'), Buffer.concat(chunks), { mode: 0o666 }).catch(() => undefined);
}
