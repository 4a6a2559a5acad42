import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exit, Handled, Launch, Observation } from '../../src/backends/backend.ts';
import { ABSENT_DIGEST, type Look, lookId } from '../../src/planning/facts.ts';
import { output, type Rig } from './backend-rig.ts';

/** The laws of the backend port (`src/backends/backend.ts`), which every backend obeys. */
export function backendContract(name: string, open: () => Promise<Rig>, keepsLanes = true): void {
  describe(`backend contract: ${name}`, () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await open();
    });
    afterEach(() => rig.close());

    const handled = ({ token, directory }: Launch): Handled => ({ token, directory, handle: undefined });
    const ended = async (token: string): Promise<Exit> => exitOf(await rig.seen(token, 'Ended', 'Gone'));
    const look = async (path: string): Promise<string | undefined> => {
      const wanted: Look = { path, fingerprint: 'Content', glob: false };
      return (await rig.backend.files.look([wanted])).get(lookId(wanted));
    };

    it('reports Running before Ended, with the exit record', async () => {
      const launch = rig.launch('a', { exitCode: 3 });
      expect(await rig.backend.submit([launch])).toEqual([{ token: 'a', outcome: 'Accepted' }]);
      expect(await ended('a')).toMatchObject({ verdict: 'Exited', exitCode: 3, problem: undefined });
      const states = rig.reports.filter((o) => o.token === 'a').map((o) => o.state);
      expect(states.indexOf('Running')).toBeLessThan(states.indexOf('Ended'));
    });

    it('law 1: the same token submitted again starts nothing new', async () => {
      const launch = rig.launch('a', { writes: { o: 'one' } }, { outputs: [output('o', `${rig.folder}/o`)] });
      await Promise.all([rig.backend.submit([launch]), rig.backend.submit([launch])]);
      await ended('a');
      await rig.write(`${rig.folder}/o`, 'touched since');
      await rig.backend.submit([launch]);
      await rig.reopen();
      await rig.backend.submit([launch]);
      const other = rig.launch('b', {});
      await rig.backend.submit([other]);
      await ended('b');
      expect(await rig.read(`${rig.folder}/o`)).toBe('touched since');
    });

    it('law 2: a second adapter adopts what runs, and hears its end', async () => {
      const launch = rig.launch('a', { forever: true });
      await rig.backend.submit([launch]);
      await rig.seen('a', 'Running');
      await rig.reopen();
      const [seen] = await rig.backend.observe([handled(launch)]);
      expect(seen?.state).toBe('Running');
      await rig.backend.cancel([handled(launch)]);
      expect(await ended('a')).toMatchObject({ verdict: 'Cancelled' });
    });

    it('law 2: a reader that was away gets the last state', async () => {
      const launch = rig.launch('a', { exitCode: 7 });
      await rig.backend.submit([launch]);
      await ended('a');
      await rig.reopen();
      const [seen] = await rig.backend.observe([handled(launch)]);
      expect(exitOf(seen as Observation)).toMatchObject({ verdict: 'Exited', exitCode: 7 });
    });

    it('what was never submitted is Absent', async () => {
      expect(await rig.backend.observe([handled(rig.launch('a', {}))])).toEqual([{ token: 'a', state: 'Absent' }]);
    });

    it('law 3: an attempt whose runtime was killed is Gone', async () => {
      const launch = rig.launch('a', { forever: true });
      await rig.backend.submit([launch]);
      await rig.seen('a', 'Running');
      await rig.killRuntime(handled(launch));
      await rig.reopen();
      // At once, or as soon as what it left is ended.
      const [seen] = await rig.backend.observe([handled(launch)]);
      if (seen?.state === 'Queued') await rig.seen('a', 'Gone');
      else expect(seen?.state).toBe('Gone');
    });

    it('law 4: what was cancelled before it was submitted never starts', async () => {
      const launch = rig.launch('a', { writes: { o: 'one' } }, { outputs: [output('o', `${rig.folder}/o`)] });
      await rig.backend.cancel([handled(launch)]);
      await rig.seen('a', 'Gone');
      await rig.backend.submit([launch]);
      await rig.backend.submit([rig.launch('b', {})]);
      await ended('b');
      expect((await rig.backend.observe([handled(launch)]))[0]?.state).toBe('Gone');
      expect(await rig.read(`${rig.folder}/o`)).toBeUndefined();
    });

    it('law 4: a running attempt is cancelled', async () => {
      const launch = rig.launch('a', { forever: true });
      await rig.backend.submit([launch]);
      await rig.seen('a', 'Running');
      await rig.backend.cancel([handled(launch)]);
      await rig.backend.cancel([handled(launch)]);
      expect(await ended('a')).toMatchObject({ verdict: 'Cancelled' });
    });

    it('law 4: one that ignores TERM is killed after its grace', async () => {
      const launch = rig.launch('a', { forever: true, ignoresTerm: true });
      await rig.backend.submit([launch]);
      await rig.seen('a', 'Running');
      await rig.backend.cancel([handled(launch)]);
      expect(await ended('a')).toMatchObject({ verdict: 'Cancelled' });
    });

    if (keepsLanes)
      describe('lanes', () => {
        const lane = { name: 1, room: 1 };
        const writing = (token: string, part: Partial<Launch> = {}): Launch =>
          rig.launch(
            token,
            { writes: { o: token } },
            { lane, outputs: [output('o', `${rig.folder}/${token}`)], ...part },
          );

        it('law 6: whoever ends is followed by the first that waits, one for one', async () => {
          const first = rig.launch('a', { forever: true }, { lane });
          await rig.backend.submit([first, writing('b'), writing('c')]);
          await rig.seen('a', 'Running');
          await rig.backend.submit([rig.launch('other', {}, { lane: { name: 2, room: 1 } })]);
          await ended('other');
          expect((await rig.backend.observe([handled(writing('b'))]))[0]?.state).toBe('Queued');
          await rig.backend.cancel([handled(first)]);
          await ended('b');
          await ended('c');
          expect(await rig.read(`${rig.folder}/b`)).toBe('b');
          const times = await Promise.all(['a', 'b', 'c'].map((token) => ended(token)));
          for (const [i, exit] of times.slice(1).entries())
            expect(exit.startTime).toBeGreaterThanOrEqual((times[i] as Exit).startTime);
        });

        it('law 6: with more room more run, and sending one again starts nothing twice', async () => {
          const launches = ['a', 'b', 'c'].map((token) =>
            rig.launch(token, { forever: true }, { lane: { name: 1, room: 2 } }),
          );
          await rig.backend.submit(launches);
          await rig.backend.submit(launches);
          await rig.seen('a', 'Running');
          await rig.seen('b', 'Running');
          expect((await rig.backend.observe([handled(launches[2] as Launch)]))[0]?.state).toBe('Queued');
          await rig.backend.cancel(launches.map(handled));
          for (const { token } of launches) await rig.seen(token, 'Ended', 'Gone');
        });

        it('withdrawing ends what waits, and nothing that runs', async () => {
          const first = rig.launch('a', { forever: true }, { lane });
          await rig.backend.submit([first, writing('b'), writing('c')]);
          await rig.seen('a', 'Running');
          await rig.backend.withdraw([handled(first), handled(writing('b'))]);
          expect(await rig.seen('b', 'Gone')).toMatchObject({ claimed: false });
          expect((await rig.backend.observe([handled(first)]))[0]?.state).toBe('Running');
          await rig.backend.cancel([handled(first)]);
          // The place of what was withdrawn is not lost.
          await ended('c');
          expect(await rig.read(`${rig.folder}/b`)).toBeUndefined();
        });

        it('law 5: what was to follow never starts once the adapter is closed', async () => {
          const first = rig.launch('a', { forever: true }, { lane });
          await rig.backend.submit([first, writing('b')]);
          await rig.seen('a', 'Running');
          await rig.reopen();
          expect((await rig.backend.observe([handled(first)]))[0]?.state).toBe('Running');
          await rig.backend.cancel([handled(first)]);
          await ended('a');
          await rig.backend.submit([writing('c')]);
          await ended('c');
          expect((await rig.backend.observe([handled(writing('b'))]))[0]?.state).toBe('Absent');
          expect(await rig.read(`${rig.folder}/b`)).toBeUndefined();
        });
      });

    it('cancelling what has ended changes nothing', async () => {
      const launch = rig.launch('a', { exitCode: 2 });
      await rig.backend.submit([launch]);
      await ended('a');
      await rig.backend.cancel([handled(launch)]);
      const [seen] = await rig.backend.observe([handled(launch)]);
      expect(exitOf(seen as Observation)).toMatchObject({ verdict: 'Exited', exitCode: 2 });
    });

    it('walltime ends an attempt', async () => {
      const needs = { cpu: 0.1, memoryBytes: 0, gpu: 0, walltimeMs: 100 };
      await rig.backend.submit([rig.launch('a', { forever: true }, { needs })]);
      expect(await ended('a')).toMatchObject({ verdict: 'WallTime' });
    });

    it('stamps the digest of an output as a look sees it', async () => {
      const path = `${rig.folder}/deep/o`;
      await rig.backend.submit([rig.launch('a', { writes: { o: 'made' } }, { outputs: [output('o', path)] })]);
      const exit = await ended('a');
      expect(exit.outputs.get('o')).toMatch(/^sha256:/);
      expect(exit.outputs.get('o')).toBe(await look(path));
    });

    it('a declared output that is missing is a problem, an optional one is absent', async () => {
      const outputs = [output('o', `${rig.folder}/o`)];
      await rig.backend.submit([rig.launch('a', {}, { outputs })]);
      expect(await ended('a')).toMatchObject({ verdict: 'Problem', problem: { reason: 'MissingOutput' } });
      const optional = [output('p', `${rig.folder}/p`, { optional: true })];
      await rig.backend.submit([rig.launch('b', {}, { outputs: optional })]);
      const exit = await ended('b');
      expect(exit).toMatchObject({ verdict: 'Exited', exitCode: 0 });
      expect(exit.outputs.get('p')).toBe(ABSENT_DIGEST);
    });

    it('moves an earlier output aside and puts it back', async () => {
      const path = `${rig.folder}/o`;
      const first = rig.launch('a', { writes: { o: 'first' } }, { outputs: [output('o', path)] });
      await rig.backend.submit([first]);
      const digest = (await ended('a')).outputs.get('o') as string;
      const again = [output('o', path, { displaceInto: first.directory })];
      const second = rig.launch('b', { exitCode: 1 }, { outputs: again });
      await rig.backend.submit([second]);
      await ended('b');
      expect(await look(path)).toBe(ABSENT_DIGEST);
      const recorded = [{ name: 'o', path, digest }];
      expect(await rig.backend.files.restore(handled(first), recorded, () => second.directory)).toBe(true);
      expect(await rig.read(path)).toBe('first');
      expect(await rig.backend.files.restore(handled(first), recorded, () => second.directory)).toBe(true);
    });

    it('puts nothing back that is not whole, and leaves what is there', async () => {
      const path = `${rig.folder}/o`;
      const first = rig.launch('a', { writes: { o: 'first' } }, { outputs: [output('o', path)] });
      await rig.backend.submit([first]);
      await ended('a');
      const recorded = [{ name: 'o', path, digest: `sha256:${'0'.repeat(64)}` }];
      expect(await rig.backend.files.restore(handled(first), recorded, () => undefined)).toBe(false);
      expect(await rig.read(path)).toBe('first');
    });

    it('keepPartial leaves an earlier output in place', async () => {
      const path = `${rig.folder}/o`;
      await rig.write(path, 'so far');
      const outputs = [output('o', path, { keepPartial: true })];
      await rig.backend.submit([rig.launch('a', { exitCode: 1 }, { outputs })]);
      await ended('a');
      expect(await rig.read(path)).toBe('so far');
    });

    it('reads logs from a place, and from the end', async () => {
      const launch = rig.launch('a', { stdout: 'one\ntwo\nthree\n' });
      await rig.backend.submit([launch]);
      await ended('a');
      expect(await rig.backend.readLog(handled(launch), 'stdout', 4)).toEqual({ text: 'two\nthree\n', next: 14 });
      expect(await rig.backend.readLog(handled(launch), 'stdout', -6)).toEqual({ text: 'three\n', next: 14 });
      expect(await rig.backend.readLog(handled(launch), 'stdout', 14)).toEqual({ text: '', next: 14 });
      expect((await rig.backend.readLog(handled(launch), 'stderr', 0)).text).toBe('');
    });
  });
}

function exitOf(seen: Observation): Exit {
  if (seen.state !== 'Ended') throw new Error(`${seen.token} is ${seen.state}`);
  return seen.exit;
}
