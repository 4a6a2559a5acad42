import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { PERMISSIONS } from '../../src/kubernetes/permissions.ts';
import { test } from '../rig/in-sandbox.ts';

// What of the manifests needs no cluster to be judged: `real-api-server.test.ts` has the rest.

const ROOT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(ROOT, 'manifests/examples');

test('what is generated is what the lists of today say', () => {
  for (const script of ['crds.ts', 'manifests.ts']) {
    const args = ['--import', 'tsx', join('scripts', script), '--check'];
    const ran = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
    expect(ran.status, ran.stderr).toBe(0);
  }
});

test('no right is given without a reason, by a wildcard, or to secrets', () => {
  for (const { groups, resources, verbs, why } of PERMISSIONS) {
    expect(why).toMatch(/^.+\.$/);
    for (const word of [...groups, ...resources, ...verbs]) expect(word).toMatch(/^[a-z0-9./]*$/);
    expect(resources).not.toContain('secrets');
  }
});

test('every folder of manifests is a kustomization that lists all of its files', () => {
  for (const folder of readdirSync(join(ROOT, 'manifests'))) {
    const files = readdirSync(join(ROOT, 'manifests', folder)).filter((name) => name !== 'kustomization.yaml');
    const text = readFileSync(join(ROOT, 'manifests', folder, 'kustomization.yaml'), 'utf8');
    const { resources } = parse(text) as { resources: string[] };
    expect(resources.filter((name) => !name.startsWith('../')).sort(), folder).toEqual(files.sort());
  }
});

/** What each example leaves behind. */
const RESULTS: Readonly<Record<string, readonly [file: string, content: RegExp]>> = {
  'pi.yaml': ['out/pi/pi.txt', /^3\.1\d\n$/],
  'samples.yaml': ['out/samples/report.tsv', /^NA12878\t\d+\t[\d.]+\nNA12891\t\d+\t[\d.]+\nNA12892\t\d+\t[\d.]+\n$/],
  'sweep.yaml': ['out/sweep/best.txt', /^0\.000000000 step=0\.4,start=-2\n$/],
};

test('there is a result for each example', () => {
  const files = readdirSync(EXAMPLES).filter((name) => name !== 'kustomization.yaml');
  expect(files.sort()).toEqual(Object.keys(RESULTS));
});

test.for(Object.entries(RESULTS))(
  'the example %s lints clean, and runs on processes',
  async ([name, [result, content]], { box }) => {
    const file = box.write(name, readFileSync(join(EXAMPLES, name), 'utf8'));
    const linted = await box.expectExit(0, 'lint', file);
    expect(linted.stdout + linted.stderr).toBe('');
    const { workflow } = await box.run(file);
    expect(workflow.status).toMatchObject({ phase: 'Succeeded', reason: 'Completed' });
    expect(readFileSync(join(box.dir, result), 'utf8')).toMatch(content);
  },
);
