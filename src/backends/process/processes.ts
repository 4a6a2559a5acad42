import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseClaim } from './exit-record.ts';

/** Processes of this pid namespace that belong to an attempt. */
export interface Member {
  readonly pid: number;
  readonly rssBytes: number;
}

const PAGE_BYTES = 4096;
const MARK = 'FIXPOINT_ATTEMPT_DIR=';

/**
 * Processes by the run folder in their environment, which a child inherits wherever it goes. One pass over /proc
 * serves any number of attempts. Zombies have ended and are left out.
 */
export async function membersByFolder(): Promise<Map<string, Member[]>> {
  const found = new Map<string, Member[]>();
  for (const pid of await allPids()) {
    const folder = folderIn(await readProc(pid, 'environ'));
    if (folder === undefined) continue;
    const seen = await statOf(pid);
    if (!seen) continue;
    const members = found.get(folder) ?? [];
    members.push({ pid, rssBytes: Number(seen.fields[21]) * PAGE_BYTES });
    found.set(folder, members);
  }
  return found;
}

/** Names that merely end in the mark (a container's own copy of it) are others' variables. */
function folderIn(environ: string): string | undefined {
  const at = environ.startsWith(MARK) ? 0 : environ.indexOf(`\0${MARK}`) + 1;
  if (at === 0 && !environ.startsWith(MARK)) return undefined;
  const end = environ.indexOf('\0', at);
  return Buffer.from(environ.slice(at + MARK.length, end < 0 ? undefined : end), 'latin1').toString('utf8');
}

/**
 * Everything of one attempt that may be found without its runtime: by the run folder in the environment; by the session
 * that the command noted before it became it, for a command that cleaned its environment; and forks of the runtime that
 * did not become anything yet, which carry its arguments: `sh …/attempt.sh DIR TOKEN …`, or its title: `fixpoint-attempt DIR TOKEN`.
 */
export async function remainsOf(directory: string): Promise<number[]> {
  const found: number[] = [];
  const sessions = await notedSessions(directory);
  for (const pid of await allPids()) {
    const ours = folderIn(await readProc(pid, 'environ')) === directory || (await isRuntimeOf(pid, directory));
    if (!ours && sessions.length === 0) continue;
    const seen = await statOf(pid);
    if (!seen) continue;
    const session = sessions.find(({ id }) => id === seen.fields[3]);
    if (ours || (session && (session.led || (await holdsFileBelow(pid, directory))))) found.push(pid);
  }
  return found;
}

/** A log or a working directory in the run folder: tells our session from one that got the same number later. */
async function holdsFileBelow(pid: number, directory: string): Promise<boolean> {
  const links = ['cwd', 'fd/0', 'fd/1', 'fd/2'].map((name) => readlink(`/proc/${pid}/${name}`).catch(() => ''));
  return (await Promise.all(links)).some((path) => path.startsWith(`${directory}/`));
}

/** Runtimes of this run folder, and their forks. */
export async function runtimesOf(directory: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await allPids()) if ((await isRuntimeOf(pid, directory)) && (await statOf(pid))) found.push(pid);
  return found;
}

async function isRuntimeOf(pid: number, directory: string): Promise<boolean> {
  const line = await readProc(pid, 'cmdline');
  const words = Buffer.from(`\0${directory}\0`).toString('latin1');
  return line.includes(`/attempt.sh${words}`) || line.startsWith(`fixpoint-attempt${words}`);
}

interface NotedSession {
  readonly id: string;
  /** Its leader lives, so nobody else can have the number. */
  readonly led: boolean;
}

/**
 * The session that the command is in: `PID START` of its leader in a file of its own, or as the claim says. The file holds it
 * twice: when the two differ, one of them is damaged, and the other right.
 */
async function notedSessions(directory: string): Promise<readonly NotedSession[]> {
  const text = await readFile(join(directory, 'session'), 'utf8').catch(() => '');
  if (text === '') return sessionOfClaim(directory);
  const noted = new Map([...text.matchAll(/(\d+) (\d+)/g)].map(([line, pid, start]) => [line, { pid, start }]));
  const found: NotedSession[] = [];
  for (const { pid = '', start } of noted.values()) {
    const leader = await statOf(Number(pid));
    if (!leader || leader.fields[19] === start) found.push({ id: pid, led: leader !== undefined });
  }
  return found;
}

/** All attempts of one native spawner share its session: only what holds a file of ours is ours. */
async function sessionOfClaim(directory: string): Promise<readonly NotedSession[]> {
  const claim = parseClaim(await readFile(join(directory, 'claim'), 'utf8').catch(() => ''));
  return claim?.session === undefined ? [] : [{ id: String(claim.session), led: false }];
}

async function allPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
}

/** The fields after the name; undefined: it has ended. */
async function statOf(pid: number): Promise<{ readonly fields: readonly string[] } | undefined> {
  const stat = await readProc(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : { fields };
}
