import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TaskItem } from '../../../src/apis/task-view.ts';
import { thisProcess, writeHolder } from '../../../src/server/holder.ts';
import { type Serving, serve } from '../server/serving.ts';
import { Terminal, until } from './terminal.ts';

const REF = { namespace: 'default', name: 'calls' };
const YAML = `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: {name: calls}
spec:
  tasks:
    - {name: one, run: "true"}
`;

interface Running {
  readonly serving: Serving;
  readonly home: Serving['home'];
  readonly terminal: Terminal;
  readonly run: (...argv: string[]) => Promise<number>;
}

/** A state folder that a daemon owns; `run` submits to it and follows. */
async function withDaemon(body: (running: Running) => Promise<void>): Promise<void> {
  await using serving = await serve();
  await writeHolder(serving.folder, thisProcess(serving.socketPath));
  await writeFile(join(serving.folder, 'calls.yaml'), YAML);
  const terminal = new Terminal({ cwd: serving.folder });
  await body({
    serving,
    home: serving.home,
    terminal,
    run: (...argv) => terminal.run('run', 'calls.yaml', '--state', serving.folder, ...argv),
  });
}

const running = (name: string): TaskItem => ({
  metadata: { name, uid: name },
  spec: {},
  status: { phase: 'Running', reason: 'Running', message: '', identity: {}, results: {}, attempts: [] },
});

describe('run follows until at rest', () => {
  test.each([
    ['Succeeded', '', 0],
    ['Failed', 'TasksFailed', 1],
    ['Cancelled', '', 1],
    ['Suspended', 'Suspended', 3],
    ['Suspended', 'ApprovalRequired', 3],
  ] as const)('%s %s: exit code %d', async (phase, reason, code) => {
    await withDaemon(async ({ home, run, terminal }) => {
      home.onApply = (ref) => home.setStatus(ref, { phase, reason });
      home.onRequest = (ref) => home.setStatus(ref, { phase, reason });
      expect(await run()).toBe(code);
      expect(terminal.out).toBe('');
      expect(terminal.err).toContain(`calls: ${phase}`);
      expect(home.applies).toEqual([{ look: true, dryRun: false }]);
    });
  });

  test('shows events as they come, one per line, with the output of what failed', async () => {
    await withDaemon(async ({ home, run, terminal }) => {
      home.onApply = (ref) => {
        home.addEvent('calls', { reason: 'AttemptStarted', task: 'one', attempt: 1 });
        home.addLog({ task: 'one', attempt: 1, text: 'why it failed\n' }, 'stderr');
        home.addEvent('calls', {
          reason: 'ExitCode',
          type: 'Warning',
          task: 'one',
          attempt: 1,
          message: 'exit code 3',
        });
        home.setStatus(ref, { phase: 'Failed', reason: 'TasksFailed' });
      };
      expect(await run()).toBe(1);
      expect(terminal.err).toMatch(/AttemptStarted one\n.*ExitCode one: exit code 3\n {4}\| why it failed\n/);
    });
  });

  test('-o json: lines of events, the last one the Workflow', async () => {
    await withDaemon(async ({ home, run, terminal }) => {
      home.addEvent('calls', { reason: 'OfTheRunBefore' });
      home.onApply = (ref) => {
        home.addEvent('calls', { reason: 'AttemptStarted', task: 'one', attempt: 1 });
        home.setStatus(ref, { phase: 'Succeeded' });
      };
      expect(await run('-o', 'json')).toBe(0);
      const lines = terminal.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(lines.map((line) => line['reason'] ?? line['kind'])).toEqual(['AttemptStarted', 'Workflow']);
    });
  });

  test('does not take the status before the edit for the end', async () => {
    await withDaemon(async ({ home, run }) => {
      home.onApply = (ref) => {
        home.setStatus(ref, { phase: 'Succeeded', observedGeneration: 0 });
        setImmediate(() => home.setStatus(ref, { phase: 'Failed', observedGeneration: 1 }));
      };
      home.onRequest = () => undefined;
      expect(await run('--no-retry')).toBe(1);
    });
  });

  test('--follow=false only submits', async () => {
    await withDaemon(async ({ home, run }) => {
      expect(await run('--follow=false', '--no-retry')).toBe(0);
      expect((await home.get(REF)).ok).toBe(true);
      expect(home.openStreams).toBe(0);
    });
  });

  test('a deleted workflow, and a daemon that stops, end it', async () => {
    await withDaemon(async ({ home, run, serving, terminal }) => {
      const first = run('--no-retry');
      await until(() => home.openStreams > 0);
      await home.delete(REF);
      expect(await first).toBe(1);
      const second = run('--no-retry');
      await until(() => home.openStreams === 2);
      await serving.close();
      expect(await second).toBe(6);
      expect(terminal.err).toContain('stopped');
    });
  });
});

describe('run asks again for what failed', () => {
  const verbs = (home: Serving['home']): readonly string[] => home.requests.map(({ verb }) => verb);

  test('after a failure it retries, and waits for that to be carried out', async () => {
    await withDaemon(async ({ home, run }) => {
      home.onApply = (ref) => home.setStatus(ref, { phase: 'Failed', counts: { Failed: 1 } });
      home.onRequest = (ref) => {
        // The old status once more, while the request is still there: no rest.
        home.setStatus(ref, { phase: 'Failed', counts: { Failed: 1 } }, { keepRequests: true });
        setImmediate(() => home.setStatus(ref, { phase: 'Succeeded', counts: { Succeeded: 1 } }));
      };
      expect(await run()).toBe(0);
      expect(verbs(home)).toEqual(['retry']);
    });
  });

  test.each([
    [{ Succeeded: 1 }, [], []],
    [{ Failed: 1 }, ['--no-retry'], []],
    [{ Succeeded: 1 }, ['--fresh'], ['reset']],
    [{ Cancelled: 1 }, [], ['retry']],
  ])('counts %j with %j: %j', async (counts, argv, expected) => {
    await withDaemon(async ({ home, run }) => {
      home.onApply = (ref) => home.setStatus(ref, { phase: 'Succeeded', counts });
      home.onRequest = (ref) => home.setStatus(ref, { phase: 'Succeeded', counts });
      expect(await run(...argv)).toBe(0);
      expect(verbs(home)).toEqual(expected);
    });
  });

  test('what was known to have failed is asked for together with the document', async () => {
    await withDaemon(async ({ home, run }) => {
      home.onApply = (ref) => home.setStatus(ref, { phase: 'Failed', counts: { Failed: 1 } });
      home.onRequest = (ref) => home.setStatus(ref, { phase: 'Succeeded', counts: { Succeeded: 1 } });
      expect(await run('--no-retry')).toBe(1);
      expect(await run()).toBe(0);
      expect(home.applies.map(({ request }) => request?.verb)).toEqual([undefined, 'retry']);
      expect(verbs(home)).toEqual(['retry']);
    });
  });

  test('--yes approves once', async () => {
    await withDaemon(async ({ home, run }) => {
      const held = { phase: 'Suspended', reason: 'ApprovalRequired' } as const;
      home.onApply = (ref) => home.setStatus(ref, held);
      home.onRequest = (ref, { verb }) => {
        if (verb === 'approve') home.setStatus(ref, { phase: 'Succeeded', reason: '' });
      };
      expect(await run('--yes', '--no-retry')).toBe(0);
      expect(verbs(home)).toEqual(['approve']);
    });
  });

  test('--yes does not go round in circles with a home that holds on', async () => {
    await withDaemon(async ({ home, run }) => {
      const held = { phase: 'Suspended', reason: 'ApprovalRequired' } as const;
      home.onApply = (ref) => home.setStatus(ref, held);
      home.onRequest = (ref) => home.setStatus(ref, held);
      expect(await run('--yes', '--no-retry')).toBe(3);
      expect(verbs(home)).toEqual(['approve']);
    });
  });
});

describe('signals', () => {
  test('the first Ctrl-C stops launching, the second cancels what runs', async () => {
    await withDaemon(async ({ home, run, terminal }) => {
      home.onApply = (ref) => {
        home.setTasks(ref, [
          running('one'),
          { ...running('two'), status: { ...running('two').status, phase: 'Ready' } },
        ]);
        home.setStatus(ref, { phase: 'Running', counts: { Running: 1 } });
      };
      home.onRequest = (ref, { verb }) => {
        if (verb === 'cancel') home.setStatus(ref, { phase: 'Cancelled', counts: { Cancelled: 1 } });
      };
      const ended = run('--no-retry');
      await until(() => home.openStreams === 2);
      terminal.press('SIGINT');
      await until(() => home.requests.length === 1);
      expect(terminal.err).toContain('fixpoint resume calls');
      expect(home.requests[0]).toMatchObject({ verb: 'suspend' });
      terminal.press('SIGINT');
      expect(await ended).toBe(130);
      expect(home.requests[1]).toMatchObject({ verb: 'cancel', tasks: ['one'] });
      expect(terminal.listening('SIGINT')).toBe(false);
    });
  });

  test('SIGTERM leaves and cancels nothing', async () => {
    await withDaemon(async ({ home, run, terminal }) => {
      home.onApply = (ref) => home.setStatus(ref, { phase: 'Running', counts: { Running: 1 } });
      const ended = run('--no-retry');
      await until(() => home.openStreams === 2);
      terminal.press('SIGTERM');
      expect(await ended).toBe(130);
      expect(home.requests).toEqual([]);
      await until(() => home.openStreams === 0);
    });
  });
});

describe('run refuses', () => {
  test('a file with an error, before anything is applied', async () => {
    await withDaemon(async ({ home, run, serving, terminal }) => {
      await writeFile(join(serving.folder, 'calls.yaml'), YAML.replace('run:', 'runn:'));
      expect(await run()).toBe(2);
      expect(terminal.err).toMatch(/^calls\.yaml:6:\d+ E-UNKNOWN-FIELD tasks\[0\]\.runn/);
      expect(home.applies).toEqual([]);
    });
  });

  test('several workflows at once, an unknown flag, capacity that is the daemon’s to give', async () => {
    await withDaemon(async ({ home, run, serving }) => {
      expect(await run('--cpus', '2')).toBe(2);
      expect(await run('--nonsense')).toBe(2);
      await writeFile(join(serving.folder, 'calls.yaml'), `${YAML}---\n${YAML.replace('calls', 'other')}`);
      expect(await run()).toBe(2);
      expect(home.applies).toEqual([]);
    });
  });
});

test('a terminal gets a live block that is taken away at the end', async () => {
  await withDaemon(async ({ home, serving }) => {
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (_: number, run: () => void) => {
        timers.push(run);
        return () => undefined;
      },
    };
    const terminal = new Terminal({ cwd: serving.folder, isTerminal: true, clock });
    home.onApply = (ref) => home.setStatus(ref, { phase: 'Running', progress: '1/4', counts: { Running: 1 } });
    const ended = terminal.run('run', 'calls.yaml', '--state', serving.folder, '--no-retry');
    await until(() => timers.length > 0);
    timers.shift()?.();
    await until(() => terminal.err.includes('1/4, 1 running'));
    home.setStatus(REF, { phase: 'Succeeded', progress: '4/4', counts: { Succeeded: 4 } });
    expect(await ended).toBe(0);
    expect(terminal.err).toContain('\u001b[1A\u001b[0J');
    expect(terminal.err.trimEnd().endsWith('calls: Succeeded (), 4 Succeeded.')).toBe(true);
    expect(await readFile(join(serving.folder, 'calls.yaml'), 'utf8')).toBe(YAML);
  });
});

describe('--until', () => {
  test('is nothing for a daemon, nor for nobody', async () => {
    await withDaemon(async ({ home, run, terminal }) => {
      expect(await run('--until', 'one')).toBe(2);
      expect(terminal.err).toContain(`pid ${process.pid}`);
      expect(await run('--until', 'one', '--follow=false')).toBe(2);
      expect(home.applies).toEqual([]);
    });
  });
});
