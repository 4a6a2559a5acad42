import { fail, ok, type Result } from '../../base/result.ts';
import { slurmWords } from './tool-failure.ts';
import type { Tools } from './tools.ts';

/** What the cluster can do, asked once. */
export interface Capabilities {
  readonly version: string;
  readonly cluster: string;
  /** Elements of one array; 0: it has no arrays. */
  readonly maxArraySize: number;
  /** Jobs, array elements counted one by one, that the controller holds. */
  readonly maxJobCount: number;
  /** There is a database of what ended. */
  readonly accounting: boolean;
}

/** Slurm's own defaults, for a line that is not there. */
const DEFAULT_ARRAY_SIZE = 1_001;
const DEFAULT_JOB_COUNT = 10_000;

export async function probe(tools: Tools): Promise<Result<Capabilities, string>> {
  const answer = await tools.run('scontrol', ['show', 'config']);
  return answer.exitCode === 0 ? ok(parseConfig(answer.stdout)) : fail(slurmWords(answer));
}

/** `Name                    = value` lines of `scontrol show config`. */
export function parseConfig(text: string): Capabilities {
  const values = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^(\w+)\s*= ?(.*?)\s*$/gm)) values.set(name, value);
  const number = (name: string, otherwise: number): number => {
    const value = Number(values.get(name) ?? '');
    return values.has(name) && Number.isInteger(value) && value >= 0 ? value : otherwise;
  };
  const storage = values.get('AccountingStorageType') ?? '';
  return {
    version: values.get('SLURM_VERSION') ?? '',
    cluster: values.get('ClusterName') ?? '',
    maxArraySize: number('MaxArraySize', DEFAULT_ARRAY_SIZE),
    maxJobCount: number('MaxJobCount', DEFAULT_JOB_COUNT),
    accounting: storage.endsWith('slurmdbd'),
  };
}
