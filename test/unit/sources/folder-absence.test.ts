import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FOLDER_GRACE_MS } from '../../../src/base/limits.ts';
import { judgeAbsence, notePresence } from '../../../src/sources/folder/absence.ts';
import { type Claim, Claims } from '../../../src/sources/folder/claims.ts';
import type { FolderScan } from '../../../src/sources/folder/scan-folder.ts';
import { FolderRig, workflow, workflows } from './folder-rig.ts';

// Deleting cancels what runs. These are the absences that count, and the many that don't.

let rig: FolderRig;
beforeEach(async () => {
  rig = await FolderRig.make();
});
afterEach(() => rig.end());

/** Noticed by the next routine pass at the latest, then the grace. */
const NOTICED_AND_DUE = 41_000;

test('a file that is gone deletes its workflows after the grace and not before', async () => {
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.write('b.yaml', workflow('b'));
  await rig.start();
  expect(rig.home.names()).toEqual(['a1', 'a2', 'b']);
  await rig.remove('a.yaml');
  await rig.pass(29_000);
  expect(rig.home.names()).toEqual(['a1', 'a2', 'b']);
  await rig.pass(12_000);
  expect(rig.home.names()).toEqual(['b']);
});

test('a file that is back within the grace deletes nothing, and its time begins anew', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.remove('a.yaml');
  await rig.pass(25_000);
  await rig.write('a.yaml', workflow('a'));
  await rig.pass(60_000);
  await rig.remove('a.yaml');
  await rig.pass(29_000);
  expect(rig.home.deleted).toEqual([]);
  await rig.pass(12_000);
  expect(rig.home.deleted).toEqual(['a']);
});

test('a file that comes back after its workflows were deleted is applied again', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.remove('a.yaml');
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.names()).toEqual([]);
  await rig.write('a.yaml', workflow('a'));
  await rig.pass(11_000);
  expect(rig.home.names()).toEqual(['a']);
});

test('a document that left its file is deleted after the grace; an emptied file is a mistake', async () => {
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.write('b.yaml', workflow('b'));
  await rig.start();
  await rig.replace('a.yaml', workflow('a1'));
  await rig.write('b.yaml', '');
  await rig.pass(25_000);
  expect(rig.home.names()).toEqual(['a1', 'a2', 'b']);
  await rig.pass(60_000);
  expect(rig.home.names()).toEqual(['a1', 'b']);
  expect(rig.home.invalid.get('default/b')).toContain(`${rig.path('b.yaml')} is empty`);
});

test('a document that left its file is deleted although file and folder went and came back meanwhile', async () => {
  await rig.write('a.yaml', workflows('a1', 'a2'));
  await rig.start();
  await rig.replace('a.yaml', workflow('a1'));
  await rig.pass(15_000);
  await rename(rig.path('a.yaml'), join(rig.outside, 'aside'));
  await rig.pass(15_000);
  await rename(join(rig.outside, 'aside'), rig.path('a.yaml'));
  await rig.pass(15_000);
  await rename(rig.dir, join(rig.outside, 'elsewhere'));
  await rig.pass(15_000);
  await rename(join(rig.outside, 'elsewhere'), rig.dir);
  await rig.pass(25_000);
  expect(rig.home.deleted).toEqual([]);
  await rig.pass(20_000);
  expect(rig.home.deleted).toEqual(['a2']);
});

test('more than half of the files and at least three at once are held, reported, and let go when fewer are missing', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) await rig.write(`${name}.yaml`, workflow(name));
  await rig.start();
  await rig.remove('a.yaml', 'b.yaml', 'c.yaml');
  await rig.pass(300_000);
  expect(rig.home.deleted).toEqual([]);
  expect([...rig.home.suspect.keys()].sort()).toEqual(['default/a', 'default/b', 'default/c']);
  expect(rig.home.suspect.get('default/a')).toContain('3 of 5 files');
  // Files that come now do not make the loss a small one.
  for (const name of ['v', 'w', 'x', 'y', 'z']) await rig.write(`${name}.yaml`, workflow(name));
  await rig.pass(60_000);
  expect(rig.home.deleted).toEqual([]);
  await rig.write('a.yaml', workflow('a'));
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.deleted.sort()).toEqual(['b', 'c']);
  expect(rig.home.suspect.size).toBe(0);
});

test('two of three files, or half of six, are no mass loss', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await rig.write(`${name}.yaml`, workflow(name));
  await rig.start();
  await rig.remove('a.yaml', 'b.yaml', 'c.yaml');
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.names()).toEqual(['d', 'e', 'f']);
  await rig.remove('d.yaml', 'e.yaml');
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.names()).toEqual(['f']);
});

test('a folder that goes away and comes back cancels nothing, and is watched again', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rename(rig.dir, join(rig.outside, 'elsewhere'));
  await rig.pass(120_000);
  expect(rig.home.deleted).toEqual([]);
  expect(rig.said('the watched folder is away')).toBe(true);
  await rename(join(rig.outside, 'elsewhere'), rig.dir);
  await rig.pass(120_000);
  expect(rig.home.deleted).toEqual([]);
  await rig.write('a.yaml', workflow('a', 'echo new'));
  await rig.pass(11_000);
  expect(rig.home.runs('a')).toBe('echo new');
});

test('time that a folder was away is no part of the grace', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rig.remove('a.yaml');
  await rig.pass(20_000);
  await rename(rig.dir, join(rig.outside, 'elsewhere'));
  await rig.pass(60_000);
  await rename(join(rig.outside, 'elsewhere'), rig.dir);
  await rig.pass(29_000);
  expect(rig.home.deleted).toEqual([]);
  await rig.pass(4_000);
  expect(rig.home.deleted).toEqual(['a']);
});

test('another folder in its place, such as an empty mount point, deletes nothing, also over a restart', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  await rename(rig.dir, join(rig.outside, 'elsewhere'));
  await mkdir(rig.dir);
  await rig.pass(120_000);
  expect(rig.home.deleted).toEqual([]);
  expect(rig.home.suspect.get('default/a')).toContain('is not the folder that held it');
  await rig.stop();
  await rig.start();
  await rig.pass(120_000);
  expect(rig.home.deleted).toEqual([]);
  // Put there again, it is the new folder's, and its absence counts there.
  await rig.write('a.yaml', workflow('a'));
  await rig.pass(11_000);
  expect(rig.home.suspect.size).toBe(0);
  await rig.remove('a.yaml');
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.deleted).toEqual(['a']);
});

test('a file deleted while nobody watched is missed after a restart', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.write('sub/b.yaml', workflow('b'));
  await rig.start();
  await rig.stop();
  await rig.remove('a.yaml', 'sub');
  await rig.write('c.yaml', workflow('c'));
  await rig.start();
  await rig.pass(29_000);
  expect(rig.home.names()).toEqual(['a', 'b', 'c']);
  await rig.pass(2_000);
  expect(rig.home.names()).toEqual(['c']);
});

test('a workflow that came from another door since is left alone', async () => {
  await rig.write('a.yaml', workflow('a'));
  await rig.start();
  const [object] = (await rig.home.list()).items;
  await rig.home.apply({ ...object!, metadata: { ...object!.metadata, annotations: {} } });
  await rig.remove('a.yaml');
  await rig.pass(NOTICED_AND_DUE);
  expect(rig.home.names()).toEqual(['a']);
});

test('a folder that is not there at the start is waited for', async () => {
  await rig.remove('.');
  await rig.start();
  expect(rig.said('the watched folder is away')).toBe(true);
  await rig.write('a.yaml', workflow('a'));
  await rig.pass(3_000);
  expect(rig.home.names()).toEqual(['a']);
});

describe('a file is not believed to be gone', () => {
  const scan = (devices: Record<string, string>, unreadable: readonly string[] = []): FolderScan => ({
    identity: { inode: '1', device: '1' },
    files: new Map(),
    devices: new Map(Object.entries(devices)),
    unreadable: new Set(unreadable),
    unnameable: [],
  });
  const claimOf = (claims: Claims): Claim => {
    const claim = claims.take({ namespace: 'default', name: 'x' }, '/w/sub/deep/x.yaml', { inode: '1', device: '1' });
    claim.inHome = true;
    claim.device = '2';
    return claim;
  };
  const late = 100 * FOLDER_GRACE_MS;

  test('when a subfolder cannot be read', () => {
    const claims = new Claims();
    const claim = claimOf(claims);
    notePresence('/w', claims.all(), scan({ '/w': '1' }, ['/w/sub']), 0);
    expect(claim.absent).toBeUndefined();
    notePresence('/w', claims.all(), scan({ '/w': '1' }, ['/w/sub/deep/x.yaml']), 0);
    expect(claim.absent).toBeUndefined();
  });

  test('when its subfolder is on another file system than before', () => {
    const claims = new Claims();
    const claim = claimOf(claims);
    notePresence('/w', claims.all(), scan({ '/w': '1', '/w/sub': '1' }), 0);
    const verdict = judgeAbsence('/w', claims.all(), undefined, late);
    expect(verdict.due).toEqual([]);
    expect(verdict.suspects.get(claim)).toContain('/w/sub is not on the file system');
  });

  test('but it is when its subfolder is there, on the same file system', () => {
    const claims = new Claims();
    const claim = claimOf(claims);
    notePresence('/w', claims.all(), scan({ '/w': '1', '/w/sub': '2' }), 0);
    expect(judgeAbsence('/w', claims.all(), undefined, FOLDER_GRACE_MS - 1).nextMs).toBe(1);
    expect(judgeAbsence('/w', claims.all(), undefined, FOLDER_GRACE_MS).due).toEqual([claim]);
  });
});
