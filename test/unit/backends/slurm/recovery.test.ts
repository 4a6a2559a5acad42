import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Launch, Observation } from '../../../../src/backends/backend.ts';
import { HostFiles } from '../../../../src/backends/process/file-space.ts';
import { SlurmBackend } from '../../../../src/backends/slurm/slurm-backend.ts';
import type { SlurmBackendOptions } from '../../../../src/backends/slurm/slurm-backend-options.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import { directoryOf, launchOf, Reports } from '../../../contract/backend-rig.ts';
import { until } from '../../../rig/eventually.ts';
import { FakeSlurm, type SbatchFate } from '../../../rig/fake-slurm.ts';
import { fastClock } from '../../../rig/fast-clock.ts';
import { seededRandom } from '../../../rig/random.ts';
import { flipped } from '../../../rig/written-ledger.ts';

// What sbatch may have done, and nobody heard: on a scripted Slurm, since a real one answers as it likes. Files are real.

const SEEDS = Number(process.env['FIXPOINT_SLURM_SEEDS'] ?? 12);
const clock = fastClock(60);
let folder: string;
let slurm: FakeSlurm;
let reports: Reports;
let backend: SlurmBackend;
const told: (number | undefined)[] = [];

async function open(options: Partial<SlurmBackendOptions> = {}): Promise<void> {
  const files = new HostFiles(clock);
  const onUnavailable = (since: number | undefined): void => void told.push(since);
  const runsDir = join(folder, 'runs');
  const common = { name: 'slurm', runsDir, clock, env: {}, files, logger: silentLogger, onUnavailable };
  backend = new SlurmBackend({ ...common, tools: slurm, ...options });
  await backend.start((seen) => reports.add(seen));
}

function launch(token: string, nice = 0): Launch {
  const slurmOptions = nice === 0 ? {} : { slurm: { extraArgs: [`--nice=${nice}`] } };
  return launchOf(folder, directoryOf(backend, token), token, 'true', slurmOptions);
}

const handled = ({ token, directory }: Launch) => ({ token, directory, handle: undefined });
const over = (token: string): Promise<Observation> => reports.seen(token, ['Ended', 'Gone']);
const success = { state: 'Ended', exit: { verdict: 'Exited', exitCode: 0 } };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fixpoint-slurm-'));
  slurm = new FakeSlurm(clock);
  reports = new Reports();
  told.length = 0;
  await open();
});
afterEach(async () => {
  await backend.close();
  // A submission that was being made as the backend closed is still written.
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

describe('one sbatch whose answer is', () => {
  /** What sbatch does first, how many jobs there are in the end, and how often sbatch was called. */
  test.each([
    ['Taken', 1, 1],
    ['Unheard', 1, 1],
    ['Late', 1, 1],
    ['Unsent', 1, 2],
    ['Away', 1, 2],
    ['Busy', 1, 2],
  ] as const)('%s makes one job', async (first, jobs, calls) => {
    const fates: SbatchFate[] = [first];
    slurm.fate = () => fates.pop() ?? 'Taken';
    await backend.submit([launch('a'), launch('b')]);
    for (const token of ['a', 'b']) expect(await over(token)).toMatchObject(success);
    expect(slurm.jobs.length).toBe(jobs);
    expect(backend.calls.get('sbatch')).toBe(calls);
    expect([...slurm.ran.values()]).toEqual([1, 1]);
  });
});

test('two jobs of one name: the older is kept, the other ends', async () => {
  slurm.holds = true;
  slurm.fate = () => {
    // Somebody sends the same twice.
    slurm.fate = () => 'Taken';
    return 'Unheard';
  };
  const one = launch('a');
  await backend.submit([one]);
  await until('it is there', () => slurm.jobs.length === 1);
  const [job] = slurm.jobs as [FakeSlurm['jobs'][number]];
  slurm.jobs.push({ ...job, id: job.id + 1, state: ['PENDING'] });
  await until('one of them is ended', () => slurm.jobs.some(({ state }) => state[0] === 'CANCELLED'));
  expect(slurm.jobs.map(({ state }) => state[0])).toEqual(['PENDING', 'CANCELLED']);
});

test('a long outage fails nothing and submits nothing again', async () => {
  slurm.holds = true;
  const one = launch('a');
  await backend.submit([one]);
  await until('it is there', () => slurm.jobs.length === 1);
  slurm.isAway = true;
  await backend.submit([launch('b', 1)]);
  const began = clock.monotonic();
  await until('that is told', () => told.at(-1) !== undefined);
  await until('minutes have passed', () => clock.monotonic() - began > 5 * 60_000);
  expect(reports.all).toEqual([]);
  slurm.isAway = false;
  slurm.holds = false;
  await until('Slurm answers', () => told.at(-1) === undefined);
  expect(await over('b')).toMatchObject(success);
  expect((await backend.observe([handled(one)]))[0]?.state).toBe('Queued');
  expect(slurm.jobs.length).toBe(2);
  // It was asked ever more rarely.
  expect(backend.calls.get('squeue')).toBeLessThan(25);
});

test('an element that somebody cancels while it waits leaves no trace, and is told so', async () => {
  slurm.holds = true;
  await backend.submit(['a', 'b', 'c'].map((token) => launch(token)));
  await until('they are there', () => slurm.jobs.length === 1);
  const [job] = slurm.jobs as [FakeSlurm['jobs'][number]];
  job.state[1] = 'GONE';
  slurm.hide = 'GONE';
  expect(await over('b')).toMatchObject({ state: 'Gone', claimed: false, reason: 'CancelledExternally' });
  expect(reports.find('a', ['Ended', 'Gone'])).toBeUndefined();
});

test('no more elements are in the queue than its ceiling, which is filled up again', async () => {
  await backend.close();
  await open({ maxQueued: 4 });
  const launches = Array.from({ length: 10 }, (_, i) => launch(`t${i}`));
  await backend.submit(launches);
  for (const { token } of launches) expect(await over(token)).toMatchObject(success);
  expect(Math.max(...slurm.jobs.map(({ size }) => size))).toBeLessThanOrEqual(4);
  expect(slurm.jobs.reduce((sum, { size }) => sum + size, 0)).toBe(10);
});

describe('a bit of a submission turned while its job waits and no daemon lives', () => {
  const FLIPS = 16;
  test.each(['tasks', 'job.sh', 'submission.json', 'job'])('%s: each attempt is found, or never runs', async (file) => {
    const random = seededRandom(7);
    for (let i = 0; i < FLIPS; i++) {
      slurm.holds = true;
      const launches = [launch(`x${i}a`), launch(`x${i}b`)];
      await backend.submit(launches);
      await until('it is there, and known', () => slurm.jobs.length === i + 1);
      const { name } = slurm.jobs[i] as FakeSlurm['jobs'][number];
      const path = join(folder, 'runs', '.slurm', 'submissions', name, file);
      await until('its answer is kept', () => existsSync(join(path, '..', 'job')));
      await backend.close();
      const whole = readFileSync(path);
      const bit = Math.floor(random() * whole.length * 8);
      writeFileSync(path, flipped(Buffer.from(whole), bit));
      await open();
      const seen = await backend.observe(launches.map(handled));
      const lost = launches.filter((_, n) => seen[n]?.state !== 'Queued');
      if (file === 'job') expect(lost, `bit ${bit}`).toEqual([]);
      // As the home does: what will never start is withdrawn, and started under another token.
      await backend.cancel(lost.map(handled));
      slurm.letGo();
      for (const one of launches.filter((each) => !lost.includes(each)))
        expect(await over(one.token), `bit ${bit}`).toMatchObject(success);
      for (const one of launches) expect(slurm.ran.get(one.token) ?? 0, `bit ${bit}`).toBe(lost.includes(one) ? 0 : 1);
    }
  });
});

describe('histories of lost answers and deaths', () => {
  const FATES: readonly SbatchFate[] = ['Taken', 'Unheard', 'Late', 'Unsent', 'Away', 'Busy'];
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'seed %i: each attempt has one job and runs once',
    async (seed) => {
      const random = seededRandom(seed);
      slurm.fate = () => FATES[Math.floor(random() * FATES.length * 1.4)] ?? 'Taken';
      const launches = Array.from({ length: 10 }, (_, i) => launch(`s${i}`, 1 + (i % 5)));
      await backend.submit(launches);
      for (let deaths = Math.floor(random() * 3); deaths > 0; deaths--) {
        const at = clock.monotonic() + random() * 20_000;
        await until('a chosen moment', () => clock.monotonic() >= at);
        await backend.close();
        await open();
        const seen = await backend.observe(launches.map(handled));
        // As the home does: what the backend has never heard of is handed over again, under another token in earnest.
        const absent = launches.filter((_, i) => seen[i]?.state === 'Absent');
        for (const observation of seen) reports.add(observation);
        await backend.submit(absent);
      }
      for (const { token } of launches) expect(await over(token)).toMatchObject(success);
      for (const { token } of launches) expect(slurm.ran.get(token)).toBe(1);
      const names = slurm.jobs.map(({ name }) => name);
      expect(names.length).toBe(new Set(names).size);
    },
  );
});

describe('a daemon that comes after one that died', () => {
  test('ends what was withdrawn while it waited, though nobody asks for anything', async () => {
    slurm.holds = true;
    const one = launch('a');
    await backend.submit([one]);
    await until('it is there', () => slurm.jobs.length === 1);
    // Nothing of ours calls scancel any more.
    await backend.close();
    await backend.cancel([handled(one)]);
    await open();
    await until('it is ended', () => slurm.jobs[0]?.state[0] === 'CANCELLED');
  });

  test('forgets nothing that it is asked about only after others', async () => {
    slurm.holds = true;
    const [one, other] = [launch('a', 1), launch('b', 2)];
    await backend.submit([one, other]);
    await until('they are there', () => slurm.jobs.length === 2);
    await until('their ids are kept', () => backend.calls.get('squeue') !== undefined);
    await backend.close();
    await open();
    for (const of of [one, other]) expect(await backend.observe([handled(of)])).toMatchObject([{ state: 'Queued' }]);
  });
});
