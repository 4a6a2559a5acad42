import { join } from 'node:path';
import { keyFileName } from '../../graph/keys.ts';
import type { Backend } from '../backend.ts';

/** The run folder of an attempt: RUNS/WORKFLOW/TASK/NUMBER-TOKEN. */
export function attemptDirectory(runsDir: string, attempt: Parameters<Backend['directoryFor']>[0]): string {
  const workflow = attempt.namespace === 'default' ? attempt.workflow : `${attempt.namespace}+${attempt.workflow}`;
  return join(runsDir, workflow, keyFileName(attempt.key), `${attempt.number}-${attempt.token}`);
}
