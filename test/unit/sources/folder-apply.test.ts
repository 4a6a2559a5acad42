import { execFileSync } from 'node:child_process';
import { mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FOLDER_ANNOTATION } from '../../../src/apis/meta.ts';
import { MAX_FILES_AT_ONCE } from '../../../src/base/limits.ts';
import { SOURCE_ANNOTATION } from '../../../src/sources/source.ts';
import { until } from '../../rig/eventually.ts';
import { FolderRig, workflow, workflows } from './folder-rig.ts';

// What a file says reaches the home: by events where the clock stands still, by routine passes where it goes.

let rig: FolderRig;
beforeEach(async () => {
  rig = await FolderRig.make();
});
afterEach(() => rig.end());

const BROKEN = 'apiVersion: [';

// An event may be lost, as between the making of a folder and the watch of it: the next pass over the folder finds what it was
// about, and this test has none.
test('events alone bring new, changed and replaced files, in subfolders too', { retry: 2 }, async () => {
  await rig.start();
  await rig.write('a.yaml', workflow('a'));
  await rig.write('b.yml', workflow('b'));
  await rig.write('new/deep/c.json', JSON.stringify({ ...parsed('c') }));
  await until('three workflows', () => rig.home.names().join() === 'a,b,c');
  await rig.write('a.yaml', workflow('a', 'echo new'));
  await rig.replace('b.yml', workflow('b', 'echo new'));
  await until('the new text of both', () => rig.home.runs('a') === 'echo new' && rig.home.runs('b') === 'echo new');
});

test('a workflow carries the folder that its paths are relative to and the file that owns it', async () => {
  await rig.write('sub/a.yaml', workflow('a'));
  await rig.start();
  expect(rig.home.annotations('a')).toMatchObject({
    [FOLDER_ANNOTATION]: rig.path('sub'),
    [SOURCE_ANNOTATION]: rig.path('sub/a.yaml'),
  });
});

test('dot files, dot folders and other names are passed over', async () => {
  await rig.write('.fixpoint/runs/x.yaml', workflow('x'));
  await rig.write('.hidden.yaml', workflow('y'));
  await rig.write('notes.txt', workflow('z'));
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.pass(30_000);
  expect(rig.home.names()).toEqual(['a']);
});

test('the same bytes again are nothing, whatever their dates', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.replace('a.yaml', workflow('a'));
  await utimes(rig.path('a.yaml'), 1, 1);
  await rig.pass(60_000);
  expect(rig.home.applied).toEqual(['a']);
});

test('of changes so close together that only the first is told, the last one counts', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  for (let i = 0; i < 20; i++) await rig.write('a.yaml', workflow('a', `echo ${i}`));
  await until('the last text', async () => {
    rig.clock.advance(10);
    return rig.home.runs('a') === 'echo 19';
  });
});

test('a change with the size and dates of the text before is seen', async () => {
  await rig.write('a.yaml', workflow('a', 'echo 1'));
  await utimes(rig.path('a.yaml'), 1, 1);
  await rig.start();
  await rig.pass(60_000);
  await rig.write('a.yaml', workflow('a', 'echo 2'));
  await utimes(rig.path('a.yaml'), 1, 1);
  await rig.pass(11_000);
  expect(rig.home.runs('a')).toBe('echo 2');
});

test('a file that no longer parses leaves what it owned as it was, says so once, and goes on when it is fixed', async () => {
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.start();
  await rig.write('a.yaml', workflow('a1', 'echo new') + '---\n' + BROKEN);
  await rig.pass(60_000);
  expect(rig.home.runs('a1')).toBe('echo old');
  expect([...rig.home.invalid.keys()]).toEqual(['default/a1', 'default/a2']);
  expect(rig.home.invalid.get('default/a2')).toContain(`${rig.path('a.yaml')}:`);
  expect(rig.log.filter(({ message }) => message.includes('last good generation'))).toHaveLength(2);
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.pass(11_000);
  expect(rig.home.invalid.size).toBe(0);
  expect(rig.home.deleted).toEqual([]);
});

test('what was broken while nobody watched is reported after a restart', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.stop();
  await rig.write('a.yaml', BROKEN);
  await rig.start();
  await rig.pass(60_000);
  expect(rig.home.names()).toEqual(['a']);
  expect(rig.home.invalid.size).toBe(1);
});

test('a text that is still being written is waited for, and one that stays without a last newline counts', async () => {
  await rig.write('a.yaml', workflow('a').slice(0, -4));
  await rig.start();
  expect(rig.home.applied).toEqual([]);
  await rig.write('a.yaml', workflow('a').slice(0, -1));
  await rig.pass(11_000);
  await rig.pass(1_000);
  expect(rig.home.runs('a')).toBe('echo old');
  expect(rig.home.applied).toEqual(['a']);
});

test('a refusal is reported where a workflow is in force, and tried again although the file stays as it is', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  rig.home.refuse.set('a', { reason: 'Invalid', message: 'nobody makes x' });
  await rig.write('a.yaml', workflow('a', 'echo new'));
  await rig.pass(12_000);
  expect(rig.home.runs('a')).toBe('echo old');
  expect(rig.home.invalid.get('default/a')).toContain('nobody makes x');
  rig.home.refuse.clear();
  await rig.pass(20_000);
  expect(rig.home.runs('a')).toBe('echo new');
  expect(rig.home.invalid.size).toBe(0);
});

test('a home that throws is asked again', async () => {
  await rig.write('a.yaml', workflow('a'));
  const apply = rig.home.apply.bind(rig.home);
  rig.home.apply = () => Promise.reject(new Error('gone for a while'));
  await rig.start();
  expect(rig.said('could not be handled')).toBe(true);
  rig.home.apply = apply;
  await rig.pass(11_000);
  expect(rig.home.names()).toEqual(['a']);
});

test('a workflow that moves to another file, or whose file is renamed, is not deleted', async () => {
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.write('b.yaml', workflows('b1', 'b2'));
  await rig.start();
  await rig.replace('a.yaml', workflows('a1', 'b2'));
  await rig.replace('b.yaml', workflows('b1', 'a2'));
  await rig.pass(60_000);
  expect(rig.home.annotations('a2')[SOURCE_ANNOTATION]).toBe(rig.path('b.yaml'));
  expect(rig.home.annotations('b2')[SOURCE_ANNOTATION]).toBe(rig.path('a.yaml'));
  await mkdir(rig.path('sub'));
  await rename(rig.path('a.yaml'), rig.path('sub/c.yaml'));
  await rename(rig.path('b.yaml'), rig.path('sub/d.yaml'));
  await rig.pass(60_000);
  expect(rig.home.deleted).toEqual([]);
  expect(rig.home.annotations('a1')[SOURCE_ANNOTATION]).toBe(rig.path('sub/c.yaml'));
});

test('of two files that declare a name the first keeps it; the second has it when the first lets go', async () => {
  await rig.write('b.yaml', workflow('x', 'echo first'));
  await rig.start();
  await rig.write('a.yaml', workflow('x', 'echo second'));
  await rig.pass(60_000);
  expect(rig.home.runs('x')).toBe('echo first');
  const refusal = `${rig.path('a.yaml')} declares workflow x of namespace default, which ${rig.path('b.yaml')} owns`;
  expect(rig.log.filter(({ fields }) => String(fields.problem).startsWith(refusal))).toHaveLength(1);
  await rig.stop();
  await rig.start();
  await rig.pass(60_000);
  expect(rig.home.runs('x')).toBe('echo first');
  await rig.remove('b.yaml');
  await rig.pass(60_000);
  expect(rig.home.runs('x')).toBe('echo second');
  expect(rig.home.deleted).toEqual([]);
});

test('two files that each declare what the other owns come to rest', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.write('b.yaml', workflow('b'));
  await rig.start();
  await rig.write('a.yaml', workflows('a', 'b'));
  await rig.write('b.yaml', workflows('b', 'a'));
  await rig.pass(60_000);
  const applied = rig.home.applied.length;
  await rig.pass(60_000);
  expect(rig.home.applied).toHaveLength(applied);
  expect(rig.home.annotations('a')[SOURCE_ANNOTATION]).toBe(rig.path('a.yaml'));
  expect(rig.home.annotations('b')[SOURCE_ANNOTATION]).toBe(rig.path('b.yaml'));
});

test('a file of another watched folder keeps its workflow while it exists', async () => {
  const other = join(rig.outside, 'other.yaml');
  await writeFile(other, '');
  const object = parsed('x');
  await rig.home.apply({
    ...object,
    metadata: { name: 'x', namespace: 'default', annotations: { [SOURCE_ANNOTATION]: other } },
  });
  await rig.write('a.yaml', workflow('x', 'echo second'));
  await rig.start();
  expect(rig.said(other)).toBe(true);
  expect(rig.home.runs('x')).toBe('echo json');
  await rename(other, join(rig.outside, 'gone'));
  await rig.pass(20_000);
  expect(rig.home.runs('x')).toBe('echo second');
});

test('a thousand files at once are all applied, a few at a time', async () => {
  await rig.start();
  const names = Array.from({ length: 1000 }, (_, i) => `w${i}`);
  await Promise.all(names.map((name) => rig.write(`${name}.yaml`, workflow(name))));
  await until('a thousand workflows', () => rig.home.objects.size === 1000);
  expect(rig.home.mostAtOnce).toBeLessThanOrEqual(MAX_FILES_AT_ONCE);
  expect(rig.home.applied).toHaveLength(1000);
});

test('odd names, loops, dangling links, pipes and folders with the name of a file break nothing', async () => {
  await rig.write('line\nbreak.yaml', workflow('line-break'));
  await rig.write('__proto__.yaml', workflow('constructor'));
  await rig.write('back\\slash é.yaml', workflow('back-slash'));
  await writeFile(
    Buffer.concat([Buffer.from(`${rig.dir}/bad`), Buffer.from([0xff]), Buffer.from('.yaml')]),
    workflow('bad'),
  );
  await mkdir(rig.path('folder.yaml'));
  await rig.write('sub/deep/a.yaml', workflow('a'));
  await symlink('..', rig.path('sub/up'));
  await symlink('../..', rig.path('sub/deep/up'));
  await symlink('itself.yaml', rig.path('itself.yaml'));
  await symlink('nowhere.yaml', rig.path('dangling.yaml'));
  await writeFile(join(rig.outside, 'target'), workflow('linked'));
  await symlink('../target', rig.path('link.yaml'));
  execFileSync('/usr/bin/env', ['mkfifo', rig.path('pipe.yaml')]);
  await rig.start();
  await rig.pass(30_000);
  expect(rig.home.names()).toEqual(['a', 'back-slash', 'constructor', 'line-break', 'linked']);
  expect(rig.home.applied).toHaveLength(5);
  expect(rig.said('not UTF-8')).toBe(true);
  await rig.write('line\nbreak.yaml', workflow('line-break', 'echo new'));
  await until('the new text', () => rig.home.runs('line-break') === 'echo new');
  await writeFile(join(rig.outside, 'target'), workflow('linked', 'echo new'));
  await rig.pass(11_000);
  expect(rig.home.runs('linked')).toBe('echo new');
});

test('a folder watched through a link keeps the path that was given', async () => {
  const link = join(rig.outside, 'link');
  await symlink(rig.dir, link);
  await rig.start(link);
  await rig.write('a.yaml', workflow('a'));
  await until('the workflow', () => rig.home.names().length === 1);
  expect(rig.home.annotations('a')[SOURCE_ANNOTATION]).toBe(join(link, 'a.yaml'));
});

test('after close nothing is applied', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.stop();
  await rig.write('a.yaml', workflow('a', 'echo new'));
  rig.clock.advance(60_000);
  // Another source over the same folder sees it, so the first would have too.
  const other = await FolderRig.make();
  await other.start(rig.dir);
  expect(other.home.runs('a')).toBe('echo new');
  await other.end();
  expect(rig.home.runs('a')).toBe('echo old');
});

function parsed(name: string) {
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow' as const,
    metadata: { name },
    spec: { tasks: [{ name: 'only', run: 'echo json' }] },
  };
}
