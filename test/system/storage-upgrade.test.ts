import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect } from 'vitest';
import type { Launch } from '../../src/backends/backend.ts';
import { hostIdentity } from '../../src/backends/process/host-identity.ts';
import { makeRunFolder } from '../../src/backends/process/run-folder.ts';
import { launchOf, output } from '../contract/backend-rig.ts';
import type { Sandbox } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { canMount, fillUp, mountSmall } from '../rig/mounts.ts';
import { starts } from '../rig/task-log.ts';

// The ledger of an earlier version is taken over with all that it says; that of a later one is refused and left as it is.

const FIXTURE = join(import.meta.dirname, '../fixtures/ledger-format-1.sql');
const EARLIER_BOOT = '00000000-0000-4000-8000-000000000000';
const RUNTIME = join(import.meta.dirname, '../../src/backends/runtime/attempt.sh');
const FILES = readFileSync(FIXTURE, 'utf8');

const ledgerOf = (box: Sandbox): string => join(box.state, 'fixpoint.db');

/** The project as it was when the earlier version was killed: b/1 and b/2 had not ended. */
function asItWas(box: Sandbox): void {
  asItWasWhileTheyRan(box);
  box.write('go', '');
}

/** `boot`: in which they were started; default: an earlier one. */
function asItWasWhileTheyRan(box: Sandbox, boot = EARLIER_BOOT): void {
  mkdirSync(join(box.state, 'runs'), { recursive: true, mode: 0o700 });
  const db = new Database(ledgerOf(box));
  db.pragma('journal_mode = WAL');
  db.exec(FILES.replaceAll('@DIR@', box.dir).replaceAll('@HOST@', hostname()).replaceAll(EARLIER_BOOT, boot));
  db.close();
  for (const file of ['a/0', 'a/1', 'a/2', 'b/0']) box.write(`${file}.txt`, `${file.replace('b', 'a')} world\n`);
}

/** The runtime that the earlier version had started for this task, as it claimed its run folder. */
async function runOn(box: Sandbox, key: string): Promise<void> {
  const folder = new RegExp(`"directory":"(@DIR@[^"]*/${key.replace('/', '\\+')}/1-([a-z0-9]+))"`).exec(FILES);
  const [, directory = '', token = ''] = folder ?? [];
  const at = directory.replace('@DIR@', box.dir);
  const text = [
    `echo "S ${key} 1 $$ $(date +%s%N)" >> '${box.path('log')}'`,
    'while [ ! -e go ]; do sleep 0.05; done',
    `cat '${key.replace('b', 'a')}.txt' > '${key}.txt'`,
  ].join('\n');
  const launch: Launch = {
    ...launchOf(box.dir, at, token, text, {}),
    outputs: [output('o', box.path(`${key}.txt`))],
  };
  expect(await makeRunFolder(launch, { oomKills: undefined, gpuIds: undefined })).toEqual({ ok: true });
  const { host, bootId, pidNamespace } = hostIdentity();
  spawn('/bin/sh', [RUNTIME, at, token, host, bootId, pidNamespace], { detached: true, stdio: 'ignore' }).unref();
  await until(`${key} runs`, () => key in starts(box.path('log')));
}

/** What stands is kept, what ran is run again, and the rest follows. */
async function goesOn(box: Sandbox): Promise<void> {
  await box.daemon('--state', box.state);
  await box.cli('wait', 'w', '--for', 'phase=Failed', '--timeout', '60s');
  expect(await box.summary()).toEqual({
    'a/0': 'Succeeded 1',
    'a/1': 'Succeeded 1',
    'a/2': 'Succeeded 1',
    'b/0': 'Succeeded 1',
    'b/1': 'Succeeded 2',
    'b/2': 'Succeeded 2',
    f: 'Failed 1',
    end: 'Succeeded 1',
  });
  expect(starts(box.path('log'))).toEqual({ 'b/1': 1, 'b/2': 1, end: 1 });
  const events = (await box.events()).map(({ reason, task }) => `${reason} ${task ?? ''}`);
  expect(events[0]).toBe('WorkflowApplied ');
  expect(events.filter((event) => event === 'AttemptCreated a/0')).toHaveLength(1);
  expect((await box.cli('doctor', '--state', box.state)).stdout).toContain('the ledger is sound');
}

describe('a ledger of the first format', () => {
  test('is upgraded with all that it says, and its workflow goes on', async ({ box }) => {
    asItWas(box);
    const refused = await box.cli('get', 'tasks', 'w', '--state', box.state);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain('older format');
    await goesOn(box);
  });

  test('attempts that ran on while it was upgraded are adopted, and not run again', async ({ box }) => {
    asItWasWhileTheyRan(box, hostIdentity().bootId);
    for (const key of ['b/1', 'b/2']) await runOn(box, key);
    const daemon = await box.daemon('--state', box.state);
    await until('they are known to run', async () => (await box.summary())['b/1'] === 'Running 1');
    await daemon.kill('SIGKILL');
    await box.daemon('--state', box.state);
    box.write('go', '');
    await box.cli('wait', 'w', '--for', 'phase=Failed', '--timeout', '60s');
    const found = await box.summary();
    expect([found['b/1'], found['b/2'], found['end']]).toEqual(['Succeeded 1', 'Succeeded 1', 'Succeeded 1']);
    expect(starts(box.path('log'))).toEqual({ 'b/1': 1, 'b/2': 1, end: 1 });
  });

  test.skipIf(!canMount)(
    `on a disk without room for the upgrade is left as it was${canMount ? '' : ' [SKIPPED: needs root and mount(8)]'}`,
    async ({ box, onTestFinished }) => {
      onTestFinished(mountSmall(box.state, 1_000));
      asItWas(box);
      const before = readFileSync(ledgerOf(box));
      const makeRoom = fillUp(box.state);
      const refused = await box.cli('daemon', '--state', box.state);
      expect(refused.code, refused.stderr).toBe(6);
      expect(refused.stderr).toMatch(/^fixpoint: .*full.*$/m);
      makeRoom();
      expect(readFileSync(ledgerOf(box)).equals(before)).toBe(true);
      await goesOn(box);
    },
  );
});

describe('a ledger of a later format', () => {
  test('is refused by every command in one sentence, and not touched', async ({ box }) => {
    const file = box.workflow({ tasks: [{ name: 't', run: 'true' }] });
    await box.expectExit(0, 'run', file);
    const db = new Database(ledgerOf(box));
    const format = db.pragma('user_version', { simple: true }) as number;
    db.pragma(`user_version = ${format + 1}`);
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    const before = readFileSync(ledgerOf(box));
    for (const command of [
      ['run', file],
      ['daemon', '--state', box.state],
      ['get', 'tasks', 'w'],
      ['apply', '-f', file, '--state', box.state],
    ]) {
      const refused = await box.cli(...command);
      expect(refused.code, command.join(' ')).toBe(6);
      expect(refused.stderr).toMatch(/^fixpoint: .*fixpoint\.db.*format \d+.*use a newer one\n$/);
    }
    const doctor = await box.cli('doctor', '--state', box.state);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/^bad .*use a newer one$/m);
    expect(readFileSync(ledgerOf(box)).equals(before)).toBe(true);
    copyFileSync(ledgerOf(box), box.path('copy.db'));
    const whole = new Database(box.path('copy.db'));
    expect(whole.pragma('integrity_check', { simple: true })).toBe('ok');
    whole.close();
  });
});
