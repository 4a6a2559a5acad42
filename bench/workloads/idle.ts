import { setTimeout as pause } from 'node:timers/promises';
import { alone } from '../alone.ts';
import { applyFile, applyWork, daemonCommand, endDaemon, startDaemon, untilSucceeded } from '../fixpoint/daemon.ts';
import { documentOf } from '../fixpoint/document.ts';
import { observe, watchMemory } from '../measure/measure.ts';
import type { Scene } from '../scene.ts';
import { type Sample, sampleOf } from '../stage.ts';
import { NOTHING, SLEEP, type Work } from '../work.ts';
import { SLOTS, sizes, type Workload } from './workload.ts';

const SLEEPERS = 10;

interface Waiting {
  /** After the last event, before the watch begins. */
  readonly settleSeconds: number;
  readonly seconds: number;
}
const FULL: Waiting = { settleSeconds: 5, seconds: 60 };
const QUICK: Waiting = { settleSeconds: 0.5, seconds: 2 };

export const IDLE: Workload = {
  name: 'idle',
  about: `Ours alone. A daemon with N finished tasks and ${SLEEPERS} that sleep, for a minute: what it costs to wait. The share is that of the whole tree.`,
  columns: ['coreShare', 'treePeakMb', 'mainPeakMb'],
  run: async (session) => {
    for (const tasks of sizes(session, [10_000], 50)) {
      const work: Work = { shape: 'fan', tasks, body: NOTHING, slots: SLOTS + SLEEPERS };
      const solo = { workload: 'idle', variant: '', work, times: 1, command: daemonCommand(work) };
      await alone(session, solo, (scene) => idle(scene, work, session.quick ? QUICK : FULL));
    }
  },
};

async function idle(scene: Scene, work: Work, { settleSeconds, seconds }: Waiting): Promise<Sample> {
  const daemon = await startDaemon(scene, work.slots);
  await applyWork(scene, work);
  await untilSucceeded(scene, work.tasks);
  const sleepers: Work = { shape: 'fan', tasks: SLEEPERS, body: SLEEP, slots: work.slots };
  scene.write({ 'sleepers.json': documentOf(sleepers, { name: 'sleepers' }) });
  await applyFile(scene, 'sleepers.json');
  await pause(settleSeconds * 1000);
  const finish = observe(scene.account);
  const memory = watchMemory(scene.account, daemon.pid);
  await pause(seconds * 1000);
  const measured = { exit: 0, wallSeconds: seconds, ...memory.stop(), ...finish() };
  await endDaemon(daemon, 'SIGTERM');
  return sampleOf(measured, work, { coreShare: (measured.cpuSeconds / seconds) * 100 });
}
