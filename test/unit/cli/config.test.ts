import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagnosticLine } from '../../../src/apis/diagnostic-list.ts';
import { capacityOf } from '../../../src/cli/capacity.ts';
import { CommandContext } from '../../../src/cli/command.ts';
import { configOf, readConfig } from '../../../src/cli/config.ts';
import { CommandFailure } from '../../../src/cli/exit-code.ts';
import { unknownBackends } from '../../../src/controllers/check-backends.ts';
import { Terminal } from './terminal.ts';

/** The configuration, or each problem as its line. */
const read = (text: string): unknown => {
  const config = readConfig(text, 'config.yaml');
  return config.ok ? config.value : config.error.map(diagnosticLine);
};

describe('a configuration file', () => {
  const good: readonly [name: string, text: string, expected: object][] = [
    ['nothing', '', {}],
    ['a comment', '# nothing yet\n', {}],
    ['no backends', '{}', {}],
    ['the backend that exists anyway', 'backends: [{name: process, type: process}]', {}],
    [
      'its limits',
      'backends:\n  - {name: process, type: process, cpus: 4, memory: 8Gi, gpus: 0}\n',
      { cpus: 4, memoryBytes: 8 * 2 ** 30, gpus: 0 },
    ],
    ['fractions', 'backends: [{name: process, type: process, cpus: 500m}]', { cpus: 0.5 }],
  ];
  for (const [name, text, capacity] of good) test(name, () => expect(read(text)).toEqual({ capacity, backends: [] }));

  const bad: readonly [text: string, ...lines: string[]][] = [
    ['backend: []', 'config.yaml:1:1 E-UNKNOWN-FIELD backend: unknown field. Did you mean backends?'],
    [
      'backends:\n  - {name: process, type: process, cpu: 4}\n',
      'config.yaml:2:36 E-UNKNOWN-FIELD backends[0].cpu: unknown field. Did you mean cpus?',
    ],
    [
      'backends: [{name: hpc, type: slurm, cpus: 4}]',
      'config.yaml:1:43 E-BACKEND backends[0].cpus: a backend of type slurm has no cpus.',
    ],
    [
      'backends: [{name: pods, type: kubernetes}]',
      'config.yaml:1:12 E-REQUIRED backends[0]: volume is missing: the folder that pods and this machine share, for example {mountPath: /data}.',
    ],
    [
      'backends: [{name: pods, type: kubernetes, volume: {mountPath: data}}]',
      'config.yaml:1:63 E-BACKEND backends[0].volume.mountPath: must be an absolute path.',
    ],
    [
      'backends: [{name: x, type: proces}]',
      'config.yaml:1:28 E-BACKEND backends[0].type: "proces" is no type of backend; there is process, kubernetes, slurm. Did you mean process?',
    ],
    [
      'backends: [{name: fast, type: process}]',
      'config.yaml:1:19 E-BACKEND backends[0].name: there is one process backend, and it is called process.',
    ],
    [
      'backends: [{name: process, type: process, cpus: 0}]',
      'config.yaml:1:49 E-RANGE backends[0].cpus: must be more than nothing.',
    ],
  ];
  for (const [text, ...lines] of bad) test(text, () => expect(read(text)).toEqual(lines));

  test('types, missing and doubled names have their places', () => {
    const codes = (text: string) => (read(text) as string[]).map((line) => line.split(' ').slice(0, 3).join(' '));
    expect(codes('backends: {}')).toEqual(['config.yaml:1:11 E-TYPE backends:']);
    expect(codes('backends: [{type: process}]')).toEqual(['config.yaml:1:12 E-REQUIRED backends[0]:']);
    expect(codes('backends: [{name: process, type: process, memory: lots}]')).toEqual([
      'config.yaml:1:51 E-QUANTITY backends[0].memory:',
    ]);
    expect(codes('backends: [{name: process, type: process, gpus: 1.5}]')).toEqual([
      'config.yaml:1:49 E-TYPE backends[0].gpus:',
    ]);
    expect(codes('backends: [{name: process, type: process}, {name: process, type: process}]')).toEqual([
      'config.yaml:1:51 E-DUPLICATE-NAME backends[1].name:',
    ]);
    expect(codes('a: b: c')[0]).toMatch(/E-YAML/);
    expect(codes('- 1')[0]).toMatch(/E-TYPE/);
    expect(codes('{}\n---\n{}\n')[0]).toMatch(/E-CONFIG/);
  });
});

describe('which file', () => {
  const withFolder = async (run: (dir: string) => Promise<void>): Promise<void> => {
    const dir = await mkdtemp(join(tmpdir(), 'fxp-config-'));
    try {
      await mkdir(join(dir, 'state'));
      await mkdir(join(dir, 'xdg', 'fixpoint'), { recursive: true });
      await run(dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  };
  const entry = (cpus: number): string => `backends: [{name: process, type: process, cpus: ${cpus}, gpus: 7}]`;

  test('the one named, else of the state folder, else of the user', async () => {
    await withFolder(async (dir) => {
      const terminal = new Terminal({ cwd: dir, env: { XDG_CONFIG_HOME: join(dir, 'xdg') } });
      const cpus = async (options: Record<string, unknown> = {}) => {
        const context = new CommandContext(terminal.io, 'run', [], options);
        const { capacity } = await configOf(terminal.io, context.text('config'), join(dir, 'state'));
        return capacityOf(context, capacity);
      };
      expect(await cpus()).toEqual({});
      await writeFile(join(dir, 'xdg', 'fixpoint', 'config.yaml'), entry(1));
      expect(await cpus()).toEqual({ cpus: 1, gpus: 7 });
      await writeFile(join(dir, 'state', 'config.yaml'), entry(2));
      expect(await cpus()).toEqual({ cpus: 2, gpus: 7 });
      await writeFile(join(dir, 'mine.yaml'), entry(3));
      expect(await cpus({ config: 'mine.yaml' })).toEqual({ cpus: 3, gpus: 7 });
      expect(await cpus({ config: 'mine.yaml', cpus: '5' })).toEqual({ cpus: 5, gpus: 7 });
    });
  });

  test('one that was named must be there, and right', async () => {
    await withFolder(async (dir) => {
      const terminal = new Terminal({ cwd: dir, env: {} });
      const configured = (config: string) => configOf(terminal.io, config, join(dir, 'state'));
      await expect(configured('none.yaml')).rejects.toThrow(CommandFailure);
      await writeFile(join(dir, 'bad.yaml'), 'backends: [{name: hpc, type: pbs}]');
      await expect(configured('bad.yaml')).rejects.toThrow(CommandFailure);
      expect(terminal.err).toContain('bad.yaml:1:30 E-BACKEND');
    });
  });
});

describe('a task on a backend that nobody configured', () => {
  test('is named with those that there are', () => {
    const tasks = [{ name: 'a' }, { name: 'b', backend: 'proces' }, { name: 'c', backend: 'process' }];
    expect(unknownBackends({ tasks, defaults: { backend: 'slurm' } }, ['process'])).toEqual([
      {
        severity: 'error',
        code: 'E-BACKEND',
        path: ['spec', 'defaults', 'backend'],
        message: '"slurm" is no configured backend. There is: process.',
        hint: undefined,
      },
      {
        severity: 'error',
        code: 'E-BACKEND',
        path: ['spec', 'tasks', 1, 'backend'],
        message: '"proces" is no configured backend. There is: process.',
        hint: 'Did you mean process?',
      },
    ]);
  });
});
