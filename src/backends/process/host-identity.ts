import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Which machine, boot and pid namespace this is. A pid means something only together with these and the start
 * time of the process: pids are used again, machines reboot, containers have pids of their own.
 */
export interface HostIdentity {
  readonly host: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

let known: HostIdentity | undefined;

export function hostIdentity(): HostIdentity {
  known ??= {
    host: hostname(),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
  };
  return known;
}

export interface ProcessHandle extends HostIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

export interface ProcessStat {
  readonly state: string;
  readonly session: number;
  readonly startTicks: number;
}

/** Undefined when there is no such process. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command's name may hold spaces and parentheses: fields are counted from the last ")".
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', session: Number(fields[3]), startTicks: Number(fields[19]) };
}

/** Alive: the same process, and not a zombie that merely waits for a parent which may never come. */
export function isAlive(handle: Pick<ProcessHandle, 'pid' | 'startTicks'>): boolean {
  const stat = readProcessStat(handle.pid);
  return stat !== undefined && stat.startTicks === handle.startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

export function sameHost(handle: HostIdentity): boolean {
  const here = hostIdentity();
  // A boot id belongs to one machine; its name may change while it runs.
  return handle.bootId === here.bootId && handle.pidNamespace === here.pidNamespace;
}
