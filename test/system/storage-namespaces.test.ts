import { execFileSync, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect } from 'vitest';
import { type Sandbox, Started } from '../rig/cli.ts';
import { until } from '../rig/eventually.ts';
import { CAPACITY, endsWell, heldTasksEnd, heldTasksRun, heldWork } from '../rig/held-work.ts';
import { test } from '../rig/in-sandbox.ts';
import { LAUNCH_FLAGS } from '../rig/launch-flags.ts';
import { spansByTask } from '../rig/task-log.ts';

// Two owners of one state folder that cannot see each other: each in namespaces of its own, as in two containers with one
// volume. The lock lies in the file system and holds everywhere; what runs where nobody can look is unknown.

const MAIN = resolve(import.meta.dirname, '../..', process.env['FIXPOINT_MAIN'] ?? 'dist/cli/main.js');

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-p', '-f', '--mount-proc', '--kill-child', '-m', '-n', '-u', 'true'], {
      stdio: 'ignore',
    });
    return !MAIN.endsWith('.ts');
  } catch {
    return false;
  }
}

const possible = canUnshare();
const WHY = possible ? '' : ' [SKIPPED: needs root and unshare(1)]';

/** The program in namespaces of its own. */
function apart(box: Sandbox, kinds: readonly string[], ...args: readonly string[]): Started {
  const words = [...kinds, '--kill-child', '-f', process.execPath, ...LAUNCH_FLAGS, MAIN, ...args];
  const { FIXPOINT_STATE: _state, FIXPOINT_SERVER: _server, ...inherited } = process.env;
  const child = spawn('unshare', words, {
    cwd: box.dir,
    env: { ...inherited, XDG_RUNTIME_DIR: box.path('run'), NO_COLOR: '1', LOG: box.path('log') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Started(child);
}

const KINDS = [
  { what: 'pids', kinds: ['-p', '--mount-proc'] },
  { what: 'mounts', kinds: ['-m'] },
  { what: 'networks', kinds: ['-n'] },
  { what: 'pids, mounts and networks', kinds: ['-p', '--mount-proc', '-m', '-n'] },
] as const;

describe(`two owners in two namespaces${WHY}`, () => {
  test.skipIf(!possible)('the second is refused, whichever namespace it is in, and harms nothing', async ({ box }) => {
    const daemon = await box.daemon('--state', box.state, ...CAPACITY);
    await box.expectExit(0, 'apply', '-f', heldWork(box));
    await heldTasksRun(box);
    for (const { what, kinds } of KINDS) {
      const second = await apart(box, kinds, 'daemon', '--state', box.state).ended;
      expect(second.code, what).toBe(6);
      expect(second.stderr, what).toContain(`in use by pid ${daemon.pid}`);
    }
    await heldTasksEnd(box);
    await endsWell(box, daemon);
  });

  test.skipIf(!possible)('the second is refused also where the first cannot be found', async ({ box }) => {
    const first = apart(box, ['-p', '--mount-proc'], 'daemon', '--state', box.state);
    try {
      await until('the first serves', () => first.over || first.stderr.includes('serving'));
      const second = await box.cli('daemon', '--state', box.state);
      expect(second.code).toBe(6);
      expect(second.stderr).toContain('in use by pid');
      expect(first.over).toBe(false);
    } finally {
      await first.kill('SIGKILL');
    }
  });

  test.skipIf(!possible)(
    'what runs in another pid namespace is unknown, is not run again, and its record counts',
    async ({ box, onTestFinished }) => {
      const first = await box.daemon('--state', box.state, ...CAPACITY);
      await box.expectExit(0, 'apply', '-f', heldWork(box));
      await heldTasksRun(box);
      const running = spansByTask(box.path('log')).size;
      await first.kill('SIGKILL');
      const second = apart(box, ['-p', '--mount-proc'], 'daemon', '--state', box.state, ...CAPACITY);
      onTestFinished(async () => void (await second.kill('SIGKILL')));
      await until('the second serves', () => second.over || second.stderr.includes('serving'));
      await until('the second says that it does not know', async () => {
        const reasons = [...(await box.tasks()).values()].map(({ status }) => status.reason);
        return reasons.filter((reason) => reason === 'Unknown').length === running;
      });
      expect(spansByTask(box.path('log')).size).toBe(running);
      await heldTasksEnd(box);
      await endsWell(box, second);
    },
  );
});
