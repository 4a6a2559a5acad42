import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process that belongs to an attempt, and whether it is the attempt runtime or what that started. */
export interface AttemptProcess {
  readonly pid: number;
  readonly folder: string;
}

const MARK = 'FIXPOINT_ATTEMPT_DIR=';

/** Processes whose environment names a run folder below this folder. Zombies have ended. */
export function attemptProcesses(below: string): AttemptProcess[] {
  const found: AttemptProcess[] = [];
  for (const pid of allPids()) {
    const variable = readText(`/proc/${pid}/environ`)
      .split('\0')
      .find((entry) => entry.startsWith(MARK));
    const folder = variable?.slice(MARK.length);
    if (folder?.startsWith(`${below}/`) && isAlive(pid)) found.push({ pid, folder });
  }
  return found;
}

/** Direct children, by the command line that they have. */
export function childrenOf(pid: number, commandPart: string): number[] {
  return allPids().filter((child) => parentOf(child) === pid && commandLine(child).includes(commandPart));
}

/** Attempt runtimes whose run folder is below this folder. */
export function runtimes(below: string): number[] {
  return allPids().filter((pid) => {
    const line = commandLine(pid);
    return /attempt\.sh|^fixpoint-attempt /.test(line) && line.includes(`${below}/`) && isAlive(pid);
  });
}

/** The spawner of a supervising process: the one child that it put into a session of its own. */
export function spawnersOf(pid: number): number[] {
  return allPids().filter(
    (child) => parentOf(child) === pid && statFields(child)[3] === String(child) && isAlive(child),
  );
}

/** The runtime that holds the claim of a run folder, by the claim. */
export interface ClaimedRuntime {
  readonly pid: number;
  readonly folder: string;
}

/** Runtimes of commands that run, whose run folder is below this folder; each once: not what they forked. */
export function claimedRuntimes(below: string): ClaimedRuntime[] {
  const folders = new Set(attemptProcesses(below).map(({ folder }) => folder));
  return [...folders].flatMap((folder) => {
    const claim = /"pid":(\d+),"start":(\d+)/.exec(readText(`${folder}/claim`));
    const pid = Number(claim?.[1]);
    return claim && isAlive(pid) && statFields(pid)[19] === claim[2] ? [{ pid, folder }] : [];
  });
}

export interface LeftOver {
  readonly pid: number;
  readonly line: string;
}

/** Whatever has to do with a folder: by its environment (a spawner too), its command line or its working directory. */
export function processesOf(below: string): LeftOver[] {
  return allPids().flatMap((pid) => {
    const line = commandLine(pid);
    const named = line.includes(`${below}/`) || readText(`/proc/${pid}/environ`).includes(`=${below}/`);
    const inside = named || `${workingDirectory(pid)}/`.startsWith(`${below}/`);
    return inside && isAlive(pid) ? [{ pid, line }] : [];
  });
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

export function isAlive(pid: number): boolean {
  const state = statFields(pid)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** A process that has ended meanwhile needs no signal. True: it lived, and was sent one. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return isAlive(pid) && process.kill(pid, signal);
  } catch {
    return false;
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number {
  return Number(statFields(pid)[1]);
}

function commandLine(pid: number): string {
  return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

/** Fields of /proc/PID/stat from the third on; none when there is no such process. */
function statFields(pid: number): string[] {
  const text = readText(`/proc/${pid}/stat`);
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
