import { beforeAll, describe, expect, test } from 'vitest';
import { backendContract } from '../contract/backend-contract.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { BASH, type PodRig, podRig } from '../rig/pod-rig.ts';
import { type ApiServer, startApiServer } from '../rig/real-api-server.ts';

// The backend of pods on a real API server, scheduler, kubelet and containerd. A machine without the scripts that start
// them skips all of it, and says so.

const START_TIMEOUT_MS = 1_800_000;

let server: ApiServer;

beforeAll(async () => {
  if (WHY_NO_CLUSTER === '') server = await startApiServer('node');
}, START_TIMEOUT_MS);

describe.skipIf(WHY_NO_CLUSTER !== '')(`pods${WHY_NO_CLUSTER}`, () => {
  backendContract('kubernetes, a real node', () => podRig(server), false);
});

describe.skipIf(WHY_NO_CLUSTER !== '')(`what can go wrong with a pod${WHY_NO_CLUSTER}`, () => {
  const withRig = async (run: (rig: PodRig) => Promise<void>): Promise<void> => {
    const rig = await podRig(server);
    try {
      await run(rig);
    } finally {
      await rig.close();
    }
  };

  test('a command that needs nothing of ours runs as it is, and its log is kept', async () => {
    await withRig(async (rig) => {
      const argv = ['sh', '-c', 'echo "$0 $FIXPOINT_TASK"; exit 4', 'a $(HOME) $$ b'];
      const launch = rig.launch(
        't1',
        {},
        { command: { kind: 'Argv', argv, setup: undefined, shell: ['sh'] }, image: BASH },
      );
      await rig.backend.submit([launch]);
      expect(await rig.seen('t1', 'Ended')).toMatchObject({ exit: { verdict: 'Exited', exitCode: 4 } });
      const log = await rig.backend.readLog(
        { token: 't1', directory: launch.directory, handle: undefined },
        'stdout',
        0,
      );
      expect(log.text).toBe('a $(HOME) $$ b t1\n');
    });
  });

  test('too much memory is OutOfMemory, also where the shell survives with code 0', async () => {
    await withRig(async (rig) => {
      const needs = { cpu: 0.1, memoryBytes: 32 << 20, gpu: 0, walltimeMs: 0 };
      const text = 'tail -c 200m /dev/zero | tail > /dev/null; exit 0';
      const command = { kind: 'Script', shell: ['sh'], text } as const;
      await rig.backend.submit([rig.launch('t1', {}, { needs, command })]);
      expect(await rig.seen('t1', 'Ended', 'Gone')).toMatchObject({ state: 'Ended', exit: { verdict: 'OutOfMemory' } });
    });
  });

  test('an image without the shell asked for says so', async () => {
    await withRig(async (rig) => {
      const command = { kind: 'Script', shell: ['zsh', '-eu'], text: 'true' } as const;
      await rig.backend.submit([rig.launch('t1', {}, { command })]);
      const seen = await rig.seen('t1', 'Ended', 'Gone');
      expect(seen).toMatchObject({ exit: { verdict: 'Problem', problem: { reason: 'ShellNotFound' } } });
    });
  });

  test('a program that the image lacks is CommandNotFound', async () => {
    await withRig(async (rig) => {
      const command = { kind: 'Argv', argv: ['no-such-program'], setup: undefined, shell: ['sh'] } as const;
      await rig.backend.submit([rig.launch('t1', {}, { command })]);
      const seen = await rig.seen('t1', 'Ended', 'Gone');
      expect(seen).toMatchObject({ exit: { verdict: 'Problem', problem: { reason: 'CommandNotFound' } } });
    });
  });

  test('a name of an image that is none fails at once', async () => {
    await withRig(async (rig) => {
      await rig.backend.submit([rig.launch('t1', {}, { image: 'Not An Image' })]);
      const seen = await rig.seen('t1', 'Ended', 'Gone');
      expect(seen).toMatchObject({ exit: { verdict: 'Problem', problem: { reason: 'ImageUnavailable' } } });
    });
  });

  test('volumes and settings of its own are laid over it', async () => {
    await withRig(async (rig) => {
      const pod = {
        hostAliases: [{ ip: '127.0.0.1', hostnames: ['archive'] }],
        volumes: [{ name: 'scratch', emptyDir: {} }],
        containers: [
          {
            name: 'task',
            volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
            securityContext: { readOnlyRootFilesystem: true },
          },
        ],
      };
      const text = '! touch /other 2>/dev/null && touch /scratch/f && grep -q archive /etc/hosts && exit 7';
      const command = { kind: 'Script', shell: ['sh'], text } as const;
      await rig.backend.submit([rig.launch('t1', {}, { command, pod })]);
      expect(await rig.seen('t1', 'Ended', 'Gone')).toMatchObject({ exit: { verdict: 'Exited', exitCode: 7 } });
    });
  });

  test('an account that is no longer listed is refused when its pod is to be made', async () => {
    await withRig(async (rig) => {
      const [outcome] = await rig.backend.submit([rig.launch('t1', {}, { pod: { serviceAccountName: 'loader' } })]);
      expect(outcome).toMatchObject({
        outcome: 'Refused',
        reason: 'Rejected',
        message: expect.stringContaining('loader'),
      });
      const { stdout } = await server.kubectl(['get', 'pods', '-n', rig.namespace, '-o', 'name']);
      expect(stdout).toBe('');
    });
  });

  test('somebody deletes the pod: its runtime ends the command and says so', async () => {
    await withRig(async (rig) => {
      await rig.backend.submit([rig.launch('t1', { forever: true })]);
      await rig.seen('t1', 'Running');
      const { code } = await server.kubectl(['delete', 'pod', '--all', '-n', rig.namespace, '--wait=false']);
      expect(code).toBe(0);
      expect(await rig.seen('t1', 'Ended', 'Gone')).toMatchObject({ exit: { verdict: 'Cancelled' } });
    });
  });

  test('a pod of the same name that is not ours is left alone', async () => {
    await withRig(async (rig) => {
      const launch = rig.launch('t1', {});
      const theirs = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'contract-t1-t1', namespace: rig.namespace },
        spec: { containers: [{ name: 'x', image: BASH, command: ['sleep', '600'] }] },
      });
      expect((await server.kubectl(['create', '-f', '-'], { input: theirs })).code).toBe(0);
      const [outcome] = await rig.backend.submit([launch]);
      expect(outcome).toMatchObject({ outcome: 'Refused', message: expect.stringContaining('not this attempt') });
      expect((await server.kubectl(['get', 'pod', 'contract-t1-t1', '-n', rig.namespace])).code).toBe(0);
    });
  });
});
