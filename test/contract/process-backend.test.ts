import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exit, Launch, Observation } from '../../src/backends/backend.ts';
import { type Claim, parseClaim } from '../../src/backends/process/exit-record.ts';
import { readProcessStat } from '../../src/backends/process/host-identity.ts';
import { remainsOf } from '../../src/backends/process/processes.ts';
import { lookId } from '../../src/planning/facts.ts';
import { until } from '../rig/eventually.ts';
import { childrenOf, isAlive, signalQuietly } from '../rig/processes.ts';
import { seededRandom } from '../rig/random.ts';
import { output, processRig, type Rig } from './backend-rig.ts';

// What only real processes and real files can do wrong.

const PATIENCE_MS = 60_000;

let rig: Rig;

const handled = ({ token, directory }: Launch) => ({ token, directory, handle: undefined });

function script(token: string, text: string, part: Partial<Launch> = {}): Launch {
  return rig.launch(token, {}, { ...part, command: { kind: 'Script', shell: ['bash', '-eu'], text } });
}

async function ended(token: string): Promise<Exit> {
  const seen = await rig.seen(token, 'Ended', 'Gone');
  if (seen.state !== 'Ended') throw new Error(`${token} is ${seen.state}: ${(seen as { message?: string }).message}`);
  return seen.exit;
}

async function observed(launch: Launch): Promise<Observation> {
  const before = rig.reports.length;
  const [seen] = await rig.backend.observe([handled(launch)]);
  if (seen?.state !== 'Queued') return seen as Observation;
  const later = () => rig.reports.slice(before).find(({ token }) => token === launch.token);
  await until('what takes a while is reported', () => later() !== undefined);
  return later() as Observation;
}

async function claimOf(launch: Launch): Promise<Claim> {
  const claim = (): Claim | undefined => parseClaim(tryRead(join(launch.directory, 'claim')));
  await until('it is claimed', () => claim() !== undefined);
  return claim() as Claim;
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Its record is there, and its runtime has gone, too: until then it counts as running, whatever the record says. */
async function gone(launch: Launch): Promise<Exit> {
  const exit = await ended(launch.token);
  await runtimeGone(launch);
  return exit;
}

async function runtimeGone(launch: Launch): Promise<void> {
  const { pid } = await claimOf(launch);
  await until('the runtime has gone', () => !isAlive(pid));
}

function spawners(): number[] {
  return childrenOf(process.pid, '/spawner');
}

async function pause(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await until('a chosen moment', () => performance.now() >= end);
}

describe.each(['shell', 'native'] as const)('%s spawner', (spawner) => {
  beforeEach(async () => {
    rig = await processRig(spawner);
  });
  afterEach(() => rig.close());

  it('a claim says when its process began, to the tick, as the system does', { timeout: PATIENCE_MS }, async () => {
    const random = seededRandom(Number(process.env['FIXPOINT_SEED'] ?? 7));
    const launches = Array.from({ length: 40 }, (_, i) => script(`b${i}`, 'sleep 600'));
    for (const launch of launches) {
      // So that they begin at all parts of a tick.
      await pause(12 * random());
      await rig.backend.submit([launch]);
    }
    for (const launch of launches) {
      const { pid, start } = await claimOf(launch);
      expect(readProcessStat(pid)?.startTicks).toBe(start);
    }
    await rig.backend.cancel(launches.map(handled));
    for (const launch of launches) await gone(launch);
  });

  describe('a signal is never lost', () => {
    it('cancelled at any moment of its start, an attempt ends', { timeout: PATIENCE_MS }, async () => {
      const random = seededRandom(Number(process.env['FIXPOINT_SEED'] ?? 7));
      const launches = Array.from({ length: 40 }, (_, i) => script(`c${i}`, 'while :; do sleep 0.2; done'));
      await Promise.all(
        launches.map(async (launch) => {
          await rig.backend.submit([launch]);
          await pause(120 * random());
          await rig.backend.cancel([handled(launch)]);
        }),
      );
      for (const { token } of launches) {
        const seen = await rig.seen(token, 'Ended', 'Gone');
        if (seen.state === 'Ended') expect(seen.exit.verdict, token).toBe('Cancelled');
      }
      for (const launch of launches) {
        await runtimeGone(launch);
        expect(await remainsOf(launch.directory)).toEqual([]);
      }
    });

    it('one that waits for its stdin is cancelled, too', async () => {
      const fifo = join(rig.folder, 'fifo');
      await rig.backend.submit([script('mk', `mkfifo '${fifo}'`)]);
      await ended('mk');
      const launch = script('w', 'cat', { stdin: fifo });
      await rig.backend.submit([launch]);
      await rig.seen('w', 'Running');
      await rig.backend.cancel([handled(launch)]);
      expect(await ended('w')).toMatchObject({ verdict: 'Cancelled' });
    });
  });

  describe('after a death', () => {
    it('of the spawner while folders are made, everything runs, once', { timeout: PATIENCE_MS }, async () => {
      const launches = Array.from({ length: 40 }, (_, i) => script(`s${i}`, `echo ${i} >> '${rig.folder}/log'`));
      const submitted = rig.backend.submit(launches);
      await until('a spawner lives', () => spawners().length > 0);
      // Those of earlier tests may be ending by themselves.
      for (const pid of spawners()) signalQuietly(pid, 'SIGKILL');
      await submitted;
      for (const { token } of launches) expect(await ended(token)).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      const lines = readFileSync(join(rig.folder, 'log'), 'utf8').trim().split('\n');
      expect(lines.map(Number).sort((a, b) => a - b)).toEqual(launches.map((_, i) => i));
    });

    // The shell's spawner counts nothing.
    if (spawner === 'native')
      it('of the spawner, what follows still waits for what the dead one started', {
        timeout: PATIENCE_MS,
      }, async () => {
        const lane = { name: 1, room: 1 };
        const log = join(rig.folder, 'log');
        const first = script('a', `while :; do sleep 0.1; done`, { lane });
        const followers = ['b', 'c'].map((token) => script(token, `echo ${token} >> '${log}'`, { lane }));
        await rig.backend.submit([first, ...followers]);
        await rig.seen('a', 'Running');
        const dead = spawners();
        for (const pid of dead) signalQuietly(pid, 'SIGKILL');
        await until('it is dead', () => dead.every((pid) => !isAlive(pid)));
        // What asks for something else goes through the new spawner, after those that might.
        await rig.backend.submit([script('other', 'sleep 0.5', { lane: { name: 2, room: 1 } })]);
        await ended('other');
        expect(existsSync(log)).toBe(false);
        await rig.backend.cancel([handled(first)]);
        for (const { token } of followers) await ended(token);
        expect(readFileSync(log, 'utf8').split('\n').sort()).toEqual(['', 'b', 'c']);
      });

    it('a runtime that is handed a folder which is not whole leaves it alone', () => {
      const launch = script('x', ':');
      mkdirSync(launch.directory, { recursive: true });
      const runtime = join(import.meta.dirname, '../../src/backends/runtime/attempt.sh');
      const ran = spawnSync('/bin/sh', [runtime, launch.directory, 'x', 'host', 'boot', 'pidns']);
      expect(ran.status).toBe(98);
      expect(existsSync(join(launch.directory, 'claim'))).toBe(false);
    });

    it('of the runtime, a command that cleaned its environment is ended all the same', async () => {
      const pidFile = join(rig.folder, 'pid');
      const launch = script('e', `exec env -i sh -c 'echo $$ > "${pidFile}"; while :; do sleep 1; done'`);
      await rig.backend.submit([launch]);
      await until('it runs', () => tryRead(pidFile).endsWith('\n'));
      const pid = Number(tryRead(pidFile));
      process.kill((await claimOf(launch)).pid, 'SIGKILL');
      expect(await rig.seen('e', 'Gone')).toMatchObject({ claimed: true });
      expect(isAlive(pid)).toBe(false);
    });

    it('of the runtime, nothing of its walltime is left', async () => {
      const needs = { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 3_600_000 };
      const launch = script('t', 'while :; do sleep 1; done', { needs });
      await rig.backend.submit([launch]);
      await rig.seen('t', 'Running');
      process.kill((await claimOf(launch)).pid, 'SIGKILL');
      await rig.seen('t', 'Gone');
      expect(await remainsOf(launch.directory)).toEqual([]);
    });

    it('in the middle of a claim, the attempt is over: nothing was started and nothing will be', async () => {
      const launch = script('k', `touch '${rig.folder}/ran'`);
      mkdirSync(launch.directory, { recursive: true });
      writeFileSync(join(launch.directory, 'claim'), '');
      expect(await observed(launch)).toMatchObject({ state: 'Gone', claimed: true });
      await rig.backend.submit([launch]);
      expect((await rig.seen('k', 'Gone', 'Ended')).state).toBe('Gone');
      expect(tryRead(join(rig.folder, 'ran'))).toBe('');
    });

    it('of the file system under the run folders, what runs is unknown and is left alone', async () => {
      const launch = script('u', 'while :; do sleep 0.2; done');
      await rig.backend.submit([launch]);
      const seen = await rig.seen('u', 'Running');
      const handle = seen.state === 'Running' ? seen.handle : undefined;
      const { pid } = await claimOf(launch);
      await rig.reopen();
      renameSync(join(rig.folder, 'runs'), join(rig.folder, 'away'));
      const [away] = await rig.backend.observe([{ ...handled(launch), handle }]);
      expect(away?.state).toBe('Unknown');
      expect(isAlive(pid)).toBe(true);
      renameSync(join(rig.folder, 'away'), join(rig.folder, 'runs'));
      expect((await observed(launch)).state).toBe('Running');
      await rig.backend.cancel([handled(launch)]);
      await rig.seen('u', 'Ended');
    });
  });

  describe('what a command leaves behind', () => {
    it('is gone when the attempt is over, and before its outputs are stamped', async () => {
      const path = join(rig.folder, 'o');
      const text = `(trap '' TERM; sleep 0.4; echo late >> '${path}'; sleep 60) & sleep 60 & echo first > '${path}'; sleep 0.1`;
      const launch = script('a', text, { outputs: [output('o', path)] });
      await rig.backend.submit([launch]);
      expect(await gone(launch)).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      expect(await remainsOf(launch.directory)).toEqual([]);
      const look = { path, fingerprint: 'Content' as const, glob: false };
      const seen = (await rig.backend.files.look([look])).get(lookId(look));
      expect((await ended('a')).outputs.get('o')).toBe(seen);
    });

    it('is gone when the backend is closed, wherever it fled', async () => {
      const launch = script('a', 'setsid sleep 60 & sleep 0.1');
      await rig.backend.submit([launch]);
      await gone(launch);
      await rig.reopen();
      expect(await remainsOf(launch.directory)).toEqual([]);
    });
  });

  describe('patterns as outputs', () => {
    const glob = (path: string, part = {}) => output('g', `${rig.folder}/${path}`, { form: 'glob', ...part });
    const lookAt = async (path: string): Promise<string | undefined> => {
      const look = { path: `${rig.folder}/${path}`, fingerprint: 'Content' as const, glob: true };
      return (await rig.backend.files.look([look])).get(lookId(look));
    };

    it.each([
      'm/*',
      'm/*.txt',
      'm/[a-c]*',
      'm/[!a]?.txt',
      'm/{a1,b}*.{txt,csv}',
      'm/**/*.txt',
      'm/**',
      'm/*/x',
      '**/q',
      'm/a b*',
      'm/*$(touch x)*',
    ])('%s is stamped as it is looked at', async (pattern) => {
      mkdirSync(join(rig.folder, 'm/deep/er'), { recursive: true });
      mkdirSync(join(rig.folder, 'm/.hidden'), { recursive: true });
      const names = ['a1.txt', 'b2.txt', 'b.csv', 'c', '.dot.txt', 'a b.txt', 'deep/d.txt', 'deep/er/e.txt', 'deep/x'];
      for (const name of [
        ...names,
        'ä.txt',
        '.hidden/h.txt',
        'deep/er/q',
        "it's.txt",
        'p$(touch x)q',
        'line\nbreak.txt',
      ])
        writeFileSync(join(rig.folder, 'm', name), name);
      symlinkSync(join(rig.folder, 'm/deep'), join(rig.folder, 'm/link'));
      // Kept, or they would be moved aside before the command: here only the two digests are compared.
      const kept = [glob(pattern, { optional: true, keepPartial: true })];
      await rig.backend.submit([script('g', ':', { outputs: kept })]);
      const stamped = (await ended('g')).outputs.get('g');
      expect(stamped).toBe(await lookAt(pattern));
      expect(stamped).toMatch(/^glob:/);
    });

    it('what an earlier attempt made is moved aside, and is no result of the next', async () => {
      const first = script('a', 'mkdir -p m/sub; for i in 1 2 3; do echo $i > m/$i.txt; done; echo 4 > m/sub/4.txt', {
        outputs: [glob('m/**/*.txt')],
      });
      await rig.backend.submit([first]);
      const digest = (await ended('a')).outputs.get('g') as string;
      const outputs = [glob('m/**/*.txt', { displaceInto: first.directory })];
      const second = script('b', 'echo new > m/9.txt', { outputs });
      await rig.backend.submit([second]);
      expect((await ended('b')).outputs.get('g')).toBe(await lookAt('m/**/*.txt'));
      expect(readdirSync(join(rig.folder, 'm')).sort()).toEqual(['9.txt', 'sub']);
      const recorded = [{ name: 'g', path: `${rig.folder}/m/**/*.txt`, digest }];
      expect(await rig.backend.files.restore(handled(first), recorded, () => second.directory)).toBe(true);
      expect(await lookAt('m/**/*.txt')).toBe(digest);
      expect(readdirSync(join(rig.folder, 'm')).sort()).toEqual(['1.txt', '2.txt', '3.txt', 'sub']);
      expect(readdirSync(join(second.directory, 'outputs/g'))).toEqual(['9.txt']);
    });
  });

  describe('a folder of its own', () => {
    const staged = (token: string, text: string, form: 'path' | 'glob', path: string, optional = false): Launch => {
      const launch = script(token, text);
      const root = join(launch.directory, 'work');
      const outputs = [output('o', join(rig.folder, path), { form, optional })];
      return {
        ...launch,
        workdir: root,
        outputs,
        staged: { links: [], outputs: [{ name: 'o', at: join(root, path) }] },
      };
    };

    it('an old output does not pass for one that was not made', async () => {
      await rig.backend.submit([staged('a', 'echo 1 > o.txt', 'path', 'o.txt')]);
      expect(await ended('a')).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      await rig.backend.submit([staged('b', ':', 'path', 'o.txt')]);
      expect(await ended('b')).toMatchObject({ verdict: 'Problem', problem: { reason: 'MissingOutput' } });
    });

    it('matches of a pattern take the place of those that were there', async () => {
      await rig.backend.submit([staged('a', 'echo 1 > d/1.txt; echo 2 > d/2.txt', 'glob', 'd/*.txt')]);
      expect(await ended('a')).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      await rig.backend.submit([staged('b', 'echo 3 > d/3.txt', 'glob', 'd/*.txt')]);
      expect(await ended('b')).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      expect(readdirSync(join(rig.folder, 'd'))).toEqual(['3.txt']);
    });
  });

  it('a file of the document is put in its place by the attempt, with its mode', async () => {
    const path = join(rig.folder, 'tool/go.sh');
    const file = (mode: number) => [{ name: 'go', path, content: '#!/bin/sh\necho gone\n', mode }];
    await rig.backend.submit([script('a', `test ! -x '${path}'`, { files: file(0o644) })]);
    expect(await ended('a')).toMatchObject({ exitCode: 0 });
    await rig.backend.submit([script('b', `'${path}'`, { files: file(0o755) })]);
    expect(await ended('b')).toMatchObject({ exitCode: 0 });
    rmSync(path);
  });

  it('a stdin that cannot be read is said so', async () => {
    const launch = script('a', ':', { stdin: join(rig.folder, 'nowhere') });
    await rig.backend.submit([launch]);
    expect(await ended('a')).toMatchObject({ exitCode: 126 });
    expect((await rig.backend.readLog(handled(launch), 'stderr', 0)).text).toContain('cannot be read');
  });

  describe('an exit record', () => {
    const place = (launch: Launch): string => join(launch.directory, 'exit.json');

    it('that is torn or has a changed byte is no record', { timeout: PATIENCE_MS }, async () => {
      const launch = script('a', 'exit 3');
      await rig.backend.submit([launch]);
      await gone(launch);
      const whole = readFileSync(place(launch));
      await rig.reopen();
      const random = seededRandom(11);
      const damaged = [
        whole.subarray(0, 0),
        whole.subarray(0, whole.length - 1),
        whole.subarray(0, whole.length >> 1),
        ...Array.from({ length: 6 }, () => {
          const copy = Buffer.from(whole);
          const at = Math.floor(random() * copy.length);
          copy[at] = (copy[at] as number) ^ (1 << Math.floor(random() * 8));
          return copy;
        }),
      ];
      for (const bytes of damaged) {
        writeFileSync(place(launch), bytes);
        expect((await observed(launch)).state, bytes.toString('latin1')).toBe('Gone');
      }
      writeFileSync(place(launch), whole);
      expect((await observed(launch)).state).toBe('Ended');
    });

    it('of another attempt is not believed', async () => {
      const [a, b] = [script('a', 'exit 3'), script('b', 'exit 0')];
      await rig.backend.submit([a, b]);
      await gone(a);
      await gone(b);
      await rig.reopen();
      writeFileSync(place(a), readFileSync(place(b)));
      expect((await observed(a)).state).toBe('Gone');
    });
  });

  it('what was claimed once does not run again, whoever hands it over', async () => {
    const launch = script('a', `echo ran >> '${rig.folder}/log'`);
    await rig.backend.submit([launch]);
    await gone(launch);
    await rig.reopen();
    await rig.backend.submit([launch, script('b', ':')]);
    await ended('b');
    rmSync(join(launch.directory, 'exit.json'));
    await rig.reopen();
    await rig.backend.submit([launch, script('c', ':')]);
    await ended('c');
    expect(tryRead(join(rig.folder, 'log'))).toBe('ran\n');
  });
});
