import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { CAPACITY, endsWell, heldTasksEnd, heldTasksRun, heldWork } from '../rig/held-work.ts';
import { test } from '../rig/in-sandbox.ts';
import { seededRandom } from '../rig/random.ts';
import { noted, spansByTask } from '../rig/task-log.ts';
import { flipped } from '../rig/written-ledger.ts';

// Files of a state folder that were damaged while nobody looked, and the program started on them: what each command says,
// and what becomes of the tasks that ran. Bits of the ledger, claims, records and digests are
// turned by the thousand in `test/unit`; here are the real files.

const SEED = Number(process.env['FIXPOINT_SEED'] ?? 20_240);

/** Killed, with tasks that run on. */
async function killedWithWork(box: Sandbox): Promise<void> {
  const daemon = await box.daemon('--state', box.state, ...CAPACITY);
  await box.expectExit(0, 'apply', '-f', heldWork(box));
  await heldTasksRun(box);
  await daemon.kill('SIGKILL');
}

function spoil(path: string, change: (bytes: Buffer) => Buffer): () => void {
  const whole = readFileSync(path);
  writeFileSync(path, change(Buffer.from(whole)));
  return () => writeFileSync(path, whole);
}

/** A byte of a text that only a row's checksum can tell: the ledger opens, and reads, all the same. */
function inText(bytes: Buffer, text: string): Buffer {
  const at = bytes.lastIndexOf(text);
  expect(at).toBeGreaterThan(0);
  return flipped(bytes, at * 8);
}

describe('a damaged ledger', () => {
  test('is refused by every command, which names the file and the way out; tasks run on, and a backup goes on', async ({
    box,
  }) => {
    await killedWithWork(box);
    const path = join(box.state, 'fixpoint.db-wal');
    const makeWhole = spoil(path, (bytes) => flipped(bytes, (32 + 24 + 100) * 8));
    for (const command of [
      ['daemon', '--state', box.state],
      ['run', box.path('w.json')],
      ['get', 'tasks', 'w'],
      ['retry', 'w'],
    ]) {
      const refused = await box.cli(...command);
      expect(refused.code, command.join(' ')).toBe(6);
      expect(refused.stderr).toMatch(
        /^fixpoint: .*fixpoint\.db-wal is damaged \(.*\)\. Nothing was changed\. Put a backup .*\n$/,
      );
    }
    const doctor = await box.cli('doctor', '--state', box.state);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/^bad .*fixpoint\.db-wal is damaged/m);
    makeWhole();
    const daemon = await box.daemon('--state', box.state, ...CAPACITY);
    await heldTasksEnd(box);
    await endsWell(box, daemon);
  });

  test('one changed letter of a finished workflow is found', async ({ box }) => {
    await box.expectExit(0, 'run', box.workflow({ tasks: [{ name: 'marker-of-this-test', run: 'true' }] }));
    const makeWhole = spoil(join(box.state, 'fixpoint.db'), (bytes) => inText(bytes, 'marker-of-this-test'));
    const refused = await box.cli('get', 'tasks', 'w');
    expect(refused.code).toBe(6);
    expect(refused.stderr).toMatch(/fixpoint\.db is damaged \(/);
    expect((await box.cli('doctor')).stdout).toMatch(/^bad .*fixpoint\.db is damaged/m);
    makeWhole();
    expect((await box.cli('doctor')).stdout).toContain('the ledger is sound');
    expect(await box.summary()).toEqual({ 'marker-of-this-test': 'Succeeded 1' });
  });

  test('an empty one beside run folders is not taken for a new one', async ({ box }) => {
    await box.expectExit(0, 'run', box.workflow({ tasks: [{ name: 't', run: 'true' }] }));
    expect(existsSync(join(box.state, 'runs'))).toBe(true);
    writeFileSync(join(box.state, 'fixpoint.db'), '');
    const refused = await box.cli('run', box.path('w.json'));
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain('fixpoint.db is damaged (it has 0 bytes)');
  });
});

/** Small files of the state folder, with what they may hold. None of them is needed. */
const SMALL = ['holder.json', 'lock', 'lock-journal', 'fixpoint.db-shm'] as const;
/** They come with the first look that lasts: nothing of this life makes them, whatever is in them. */
const MADE_LATER = ['digests', 'digests.time'] as const;

describe('damaged files beside the ledger', () => {
  test('nothing of what they hold is needed: it goes on, or says what to remove', async ({ box }) => {
    await killedWithWork(box);
    const random = seededRandom(SEED);
    for (const name of MADE_LATER) writeFileSync(join(box.state, name), `1:2:3:4:5 ${'0'.repeat(64)} 00000000\n`);
    for (const name of [...SMALL, ...MADE_LATER]) {
      const path = join(box.state, name);
      const makeWhole = spoil(path, (bytes) => {
        if (bytes.length === 0) return Buffer.from('x'.repeat(8_192));
        return flipped(bytes, Math.floor(random() * bytes.length * 8));
      });
      const asked = await box.cli('get', 'tasks', 'w', '--state', box.state, '-o', 'json');
      expect([0, 6], `${name}: ${asked.stderr}`).toContain(asked.code);
      if (asked.code === 6) expect(asked.stderr).toContain(name);
      const tried = box.start('daemon', '--state', box.state, ...CAPACITY);
      await until('it serves, or refuses', () => tried.over || tried.stderr.includes('serving'));
      if (tried.over) {
        expect((await tried.ended).stderr, name).toMatch(/^fixpoint: .+\n$/);
        expect((await tried.ended).stderr).toContain(name);
        makeWhole();
      } else await tried.kill('SIGKILL');
    }
    const daemon = await box.daemon('--state', box.state, ...CAPACITY);
    await heldTasksEnd(box);
    await endsWell(box, daemon);
  });
});

/** Every attempt of a task holds this while anything of it lives: whoever finds it taken runs beside another. */
const ALONE = (box: Sandbox) =>
  `exec 9> "${box.path('alone')}.\${FIXPOINT_TASK}"; flock -n 9 || echo "$FIXPOINT_TASK" >> "${box.path('beside')}"`;

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length / 2);
/** The first digit of a value. */
const digitOf =
  (field: string) =>
  (bytes: Buffer): Buffer =>
    flipped(bytes, (bytes.indexOf(`"${field}":`) + field.length + 4) * 8);

/** What is done to which file of an attempt that runs. */
const DAMAGES: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['claim', half],
  ['claim', digitOf('boot')],
  ['claim', digitOf('pid')],
  ['claim', digitOf('start')],
  ['launch', half],
  ['session', half],
  ['metadata.json', half],
];

const SHELL_ONLY: ReadonlySet<string> = new Set(['launch', 'session']);

describe('damaged files of attempts that run', () => {
  test('no task ever runs beside itself, and all of them end', async ({ box }) => {
    const command = (i: number): string =>
      `${ALONE(box)}; while [ ! -e ${box.path('go')} ]; do sleep 0.05; done; echo ok > t${i}.txt`;
    const file = box.workflow({
      tasks: DAMAGES.map((_, i) => ({
        name: `t${i}`,
        // A pattern is the shell runtime's, which alone has these files.
        outputs: [
          SHELL_ONLY.has(DAMAGES[i]?.[0] ?? '') ? { name: 'o', glob: `t${i}.*` } : { name: 'o', path: `t${i}.txt` },
        ],
        command: ['bash', '-c', noted(command(i))],
      })),
    });
    const capacity = ['--cpus', String(2 * DAMAGES.length)];
    const first = await box.daemon('--state', box.state, ...capacity);
    await box.expectExit(0, 'apply', '-f', file);
    await until('all run', () => spansByTask(box.path('log')).size === DAMAGES.length);
    await first.kill('SIGKILL');
    for (const [i, [name, damage]] of DAMAGES.entries()) {
      const task = join(box.state, 'runs', 'w', `t${i}`);
      spoil(join(task, readdirSync(task)[0] as string, name), damage);
    }
    const second = await box.daemon('--state', box.state, ...capacity);
    // Whatever is taken for lost comes again after a second; this takes longer.
    await box.expectExit(0, 'apply', '-f', box.workflow({ tasks: [{ name: 'pause', run: 'sleep 3' }] }, 'v'));
    await box.expectExit(0, 'wait', 'v', '--for', 'phase=Succeeded', '--timeout', '60s');
    box.write('go', '');
    const waited = await box.cli('wait', 'w', '--for', 'phase=Succeeded', '--timeout', '90s');
    expect(waited.code, JSON.stringify(await box.summary()) + second.stderr).toBe(0);
    expect(existsSync(box.path('beside')), 'a task ran beside itself').toBe(false);
  });
});
