import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from '../alone.ts';
import {
  applyWork,
  daemonCommand,
  endDaemon,
  patienceFor,
  startDaemon,
  until,
  untilSucceeded,
} from '../fixpoint/daemon.ts';
import { emptied, observe, watchMemory } from '../measure/measure.ts';
import type { Scene } from '../scene.ts';
import { type Sample, sampleOf, WrongOutcome } from '../stage.ts';
import { nowSeconds } from '../stamps.ts';
import { NOTE, type Work } from '../work.ts';
import { SLOTS, sizes, type Workload } from './workload.ts';

/** What the daemon had started must end by itself within this time. */
const ORPHANS_MS = 60_000;

export const RESTART: Workload = {
  name: 'restart',
  about:
    'Ours alone. A daemon is killed with SIGKILL in the middle of a fan of N tasks; when what it had started is over, a new daemon is started. `first new task`: from that start to the first act of a task that the new one started. Checked: in the end every task has run exactly once.',
  columns: ['dispatchSeconds', 'treePeakMb', 'mainPeakMb'],
  run: async (session) => {
    for (const tasks of sizes(session, [10_000], 200)) {
      const work: Work = { shape: 'fan', tasks, body: NOTE, slots: SLOTS };
      const solo = { workload: 'restart', variant: '', work, times: session.pairs, command: daemonCommand(work) };
      await alone(session, solo, (scene) => killedAndStarted(scene, work));
    }
  },
};

async function killedAndStarted(scene: Scene, work: Work): Promise<Sample> {
  const { account } = scene;
  await killInTheMiddle(scene, work);
  const before = notes(scene).length;
  if (before === work.tasks)
    throw new WrongOutcome('all tasks had run before the kill: a slow machine, or too few tasks');
  const finish = observe(account);
  const begin = performance.now();
  const from = nowSeconds();
  const daemon = await startDaemon(scene, work.slots, { log: 'again' });
  const memory = watchMemory(account, daemon.pid);
  const what = `a new task runs, after ${before} of ${work.tasks}`;
  await until(what, patienceFor(work.tasks), () => notes(scene).length > before);
  const dispatchSeconds = (notes(scene)[before]?.time ?? Number.NaN) - from;
  await untilSucceeded(scene, work.tasks);
  const measured = { exit: 0, wallSeconds: (performance.now() - begin) / 1000, ...memory.stop(), ...finish() };
  await endDaemon(daemon, 'SIGTERM');
  const ran = notes(scene).map((note) => note.task);
  const different = new Set(ran).size;
  if (ran.length !== work.tasks || different !== work.tasks) {
    throw new WrongOutcome(`${ran.length} starts of ${different} tasks, not one of each of ${work.tasks}`);
  }
  return sampleOf(measured, work, { dispatchSeconds });
}

async function killInTheMiddle(scene: Scene, work: Work): Promise<void> {
  const daemon = await startDaemon(scene, work.slots);
  await applyWork(scene, work);
  await until('half of the tasks have run', patienceFor(work.tasks), () => notes(scene).length >= work.tasks / 2);
  await endDaemon(daemon, 'SIGKILL');
  const left = await emptied(scene.account, ORPHANS_MS);
  if (left.length > 0) throw new WrongOutcome(`${left.length} processes outlive the daemon and their tasks`);
}

/** What tasks noted, in order. */
function notes({ dir }: Scene): readonly { readonly time: number; readonly task: string }[] {
  const path = join(dir, 'log');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => ({ time: Number(line.split(' ')[0]), task: line.split(' ')[1] ?? '' }));
}
