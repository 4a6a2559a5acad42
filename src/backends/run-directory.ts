import { join } from 'node:path';
import { keyFileName } from '../graph/keys.ts';
import type { Launch } from './backend.ts';

/** RUNS/WORKFLOW/TASK/NUMBER-TOKEN. */
export function runDirectory(
  runsDir: string,
  attempt: Pick<Launch, 'token' | 'workflow' | 'namespace' | 'key' | 'number'>,
): string {
  const workflow = attempt.namespace === 'default' ? attempt.workflow : `${attempt.namespace}+${attempt.workflow}`;
  return join(runsDir, workflow, keyFileName(attempt.key), `${attempt.number}-${attempt.token}`);
}
