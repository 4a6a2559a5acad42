import { readdir, readFile } from 'node:fs/promises';

/** Processes of this pid namespace that belong to an attempt. */
export interface Member {
  readonly pid: number;
  readonly rssBytes: number;
}

const PAGE_BYTES = 4096;

/**
 * Processes by the run folder in their environment, which a child inherits wherever it goes. One pass over /proc
 * serves any number of attempts. Zombies have ended and are left out.
 */
export async function membersByFolder(): Promise<Map<string, Member[]>> {
  const found = new Map<string, Member[]>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environ = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const at = environ.indexOf('FIXPOINT_ATTEMPT_DIR=');
    if (at < 0 || (at > 0 && environ[at - 1] !== '\0')) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (stat === '' || fields[0] === 'Z' || fields[0] === 'X') continue;
    const end = environ.indexOf('\0', at);
    const folder = Buffer.from(environ.slice(at + 21, end < 0 ? undefined : end), 'latin1').toString('utf8');
    const members = found.get(folder) ?? [];
    members.push({ pid: Number(name), rssBytes: Number(fields[21]) * PAGE_BYTES });
    found.set(folder, members);
  }
  return found;
}

/**
 * Runtimes of this run folder and what they forked and did not exec yet, which carries the runtime's arguments and not
 * its environment: `sh …/attempt.sh DIR TOKEN …`.
 */
export async function forksOfRuntime(directory: string): Promise<number[]> {
  const found: number[] = [];
  const wanted = Buffer.from(`/attempt.sh\0${directory}\0`).toString('latin1');
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const arguments_ = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    if (!arguments_.includes(wanted)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    if (stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) found.push(Number(name));
  }
  return found;
}
