import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPlace, ownerOf } from '../../../src/cli/locate-state.ts';
import { thisProcess, writeHolder } from '../../../src/server/holder.ts';
import { serve } from '../server/serving.ts';
import { Terminal } from './terminal.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fxc-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the server is looked for in the documented order', async () => {
  await mkdir(join(folder, '.fixpoint'));
  await mkdir(join(folder, 'deep/er'), { recursive: true });
  const cwd = join(folder, 'deep/er');
  const env = { FIXPOINT_SERVER: 'unix:/e.sock', FIXPOINT_STATE: 'envstate' };
  const place = async (options: { server?: string; state?: string }, variables: Record<string, string>) => {
    const found = await findPlace(options, variables, cwd);
    return found.ok ? found.value : found.error;
  };
  expect(await place({ server: 'unix:/s.sock', state: 'st' }, env)).toEqual({ kind: 'socket', path: '/s.sock' });
  expect(await place({ state: 'st' }, env)).toEqual({ kind: 'state', dir: join(cwd, 'st') });
  expect(await place({}, env)).toEqual({ kind: 'socket', path: '/e.sock' });
  expect(await place({}, { FIXPOINT_STATE: 'envstate' })).toEqual({ kind: 'state', dir: join(cwd, 'envstate') });
  expect(await place({}, { FIXPOINT_SERVER: '' })).toEqual({ kind: 'state', dir: join(folder, '.fixpoint') });
});

test.each(['http://localhost', 'unix:', '/a.sock', ''])('the address %j is refused', async (server) => {
  expect((await findPlace({ server }, {}, folder)).ok).toBe(false);
});

test('an address cannot be mistaken for a state folder', async () => {
  const terminal = new Terminal({ cwd: folder });
  expect(await terminal.run('get', 'workflows', '--server', 'https://example.org')).toBe(6);
  expect(terminal.err).toContain('unix:PATH');
});

test('no state anywhere: says how to name one', async () => {
  const terminal = new Terminal({ cwd: '/' });
  expect(await terminal.run('get', 'workflows')).toBe(6);
  expect(terminal.err).toContain('--state');
});

test('a live daemon is found by holder.json', async () => {
  await using serving = await serve();
  await writeHolder(folder, thisProcess(serving.socketPath));
  expect((await ownerOf(folder)).kind).toBe('live');
  const terminal = new Terminal({ cwd: folder });
  expect(await terminal.run('get', 'workflows', '--state', folder)).toBe(0);
});

test('a daemon that is gone, or none, leaves the files', async () => {
  expect((await ownerOf(folder)).kind).toBe('none');
  await writeHolder(folder, thisProcess(join(folder, 'gone.sock')));
  expect((await ownerOf(folder)).kind).toBe('none');
  await writeFile(join(folder, 'holder.json'), '[]');
  expect((await ownerOf(folder)).kind).toBe('none');
});

test('from another host the CLI says where the daemon runs', async () => {
  await writeHolder(folder, { ...thisProcess('/x.sock'), host: 'node17', pid: 4711 });
  for (const argv of [
    ['get', 'workflows'],
    ['retry', 'calls'],
    ['plan', 'calls'],
  ]) {
    const terminal = new Terminal({ cwd: folder });
    const code = await terminal.run(...argv, '--state', folder);
    expect(code).toBe(argv[0] === 'plan' ? 1 : 6);
    expect(terminal.err).toContain('node17');
    expect(terminal.err).toContain('4711');
  }
});
