import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Capacity } from '../backend.ts';

/** What this machine, or the cgroup we are in, has to give. Flags may say otherwise. */
export function machineCapacity(wanted: {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly gpus?: number;
}): Capacity {
  return {
    cpu: wanted.cpus ?? Math.min(availableParallelism(), cgroupCpus() ?? Number.POSITIVE_INFINITY),
    memoryBytes: wanted.memoryBytes ?? Math.min(totalmem(), cgroupMemory() ?? Number.POSITIVE_INFINITY),
    gpu: wanted.gpus ?? countGpus(),
  };
}

function cgroupCpus(): number | undefined {
  const [quota, period] = (readText('/sys/fs/cgroup/cpu.max') ?? '').trim().split(' ');
  if (quota !== undefined && quota !== 'max' && Number(quota) > 0) return Number(quota) / Number(period);
  const v1 = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'));
  const v1Period = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_period_us'));
  return v1 > 0 && v1Period > 0 ? v1 / v1Period : undefined;
}

function cgroupMemory(): number | undefined {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    const limit = Number(readText(file));
    if (limit > 0 && limit < 2 ** 53) return limit;
  }
  return undefined;
}

function countGpus(): number {
  try {
    return readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
