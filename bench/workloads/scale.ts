import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { alone } from '../alone.ts';
import { compare } from '../compare.ts';
import { oursCold } from '../contenders.ts';
import { quantile } from '../figures.ts';
import { applyWork, daemonCommand, endDaemon, startDaemon, untilSucceeded } from '../fixpoint/daemon.ts';
import { observe, watchMemory } from '../measure/measure.ts';
import type { Scene } from '../scene.ts';
import type { Session } from '../session.ts';
import { type Sample, sampleOf, WrongOutcome } from '../stage.ts';
import { NOTE, NOTHING, type Work } from '../work.ts';
import { COST, SLOTS, sizes, type Workload } from './workload.ts';

const PROBE = resolve(import.meta.dirname, '../event-loop-probe.mjs');

/** Whether ours stays as cheap per task, as small and as quick to answer when there are many tasks. */
export const SCALE: Workload = {
  name: 'scale',
  about:
    'Ours alone. `run`: a fan of `true` by `fixpoint run`. `chains`: ten chains of `true` side by side, each a tenth of the tasks long. `daemon`: the same in a daemon with a probe of its event loop (delay beyond the probe’s own pause of 10 ms). `links`: a chain in such a daemon; a link is the time from the only act of one task to that of the next, ends, records and starts of processes included.',
  columns: [...COST, 'linkP50Ms', 'linkP95Ms', 'loopP50Ms', 'loopP99Ms', 'loopMaxMs'],
  run: async (session) => {
    await grown(session, 'run', 'fan');
    await grown(session, 'chains', 'chains');
    for (const tasks of sizes(session, [10_000], 50)) await inDaemon(session, 'daemon', 'fan', tasks);
    for (const tasks of sizes(session, [1_000], 20)) await inDaemon(session, 'links', 'chain', tasks);
  },
};

async function grown(session: Session, variant: string, shape: Work['shape']): Promise<void> {
  for (const tasks of sizes(session, [1_000, 10_000, 100_000], 50)) {
    const work = { shape, tasks, body: NOTHING, slots: SLOTS } as const;
    // The largest takes minutes: once is enough to see whether the cost of one task has changed.
    const few = tasks >= 100_000 ? { ...session, pairs: 1 } : session;
    await compare(few, { workload: 'scale', variant, question: 'all', work }, oursCold(session.accounts), []);
  }
}

async function inDaemon(session: Session, variant: string, shape: Work['shape'], tasks: number): Promise<void> {
  const work: Work = { shape, tasks, body: shape === 'chain' ? NOTE : NOTHING, slots: SLOTS };
  const command = `NODE_OPTIONS=--import=bench/event-loop-probe.mjs ${daemonCommand(work)}`;
  const solo = { workload: 'scale', variant, work, times: session.pairs, command };
  await alone(session, solo, (scene) => probed(scene, work));
}

/** All of the work in a daemon whose event loop is watched from inside. */
async function probed(scene: Scene, work: Work): Promise<Sample> {
  const { account, dir } = scene;
  const probe = { NODE_OPTIONS: `--import=${PROBE}`, FIXPOINT_BENCH_LOOP: join(dir, 'loop.json') };
  const daemon = await startDaemon(scene, work.slots, { env: probe });
  // The probe forgets what it saw of the start.
  daemon.child.kill('SIGUSR2');
  const finish = observe(account);
  const memory = watchMemory(account, daemon.pid);
  const begin = performance.now();
  await applyWork(scene, work);
  await untilSucceeded(scene, work.tasks);
  const measured = { exit: 0, wallSeconds: (performance.now() - begin) / 1000, ...memory.stop(), ...finish() };
  await endDaemon(daemon, 'SIGTERM');
  const links = work.body === NOTE ? linksOf(readFileSync(join(dir, 'log'), 'utf8'), work.tasks) : {};
  return sampleOf(measured, work, { ...links, ...loopOf(dir) });
}

/** Times between neighbouring tasks, as they noted them. */
function linksOf(log: string, tasks: number): Record<string, number> {
  const times = log
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.split(' ')[0]));
  if (times.length !== tasks) throw new WrongOutcome(`${times.length} tasks noted themselves, not ${tasks}`);
  const links = times.slice(1).map((time, i) => (time - (times[i] ?? time)) * 1000);
  return { linkP50Ms: quantile(links, 0.5), linkP95Ms: quantile(links, 0.95) };
}

function loopOf(dir: string): Record<string, number> {
  const { p50, p99, max } = JSON.parse(readFileSync(join(dir, 'loop.json'), 'utf8')) as Record<string, number>;
  if (p50 === undefined || p99 === undefined || max === undefined) throw new WrongOutcome('the probe wrote nothing');
  return { loopP50Ms: p50, loopP99Ms: p99, loopMaxMs: max };
}
