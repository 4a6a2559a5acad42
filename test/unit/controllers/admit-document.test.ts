import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FOLDER_ANNOTATION } from '../../../src/apis/meta.ts';
import type { TaskSpec, WorkflowDocument } from '../../../src/apis/workflow.ts';
import { Backends } from '../../../src/backends/backends.ts';
import { MemoryBackend } from '../../../src/backends/memory/memory-backend.ts';
import { MemoryWorld } from '../../../src/backends/memory/memory-world.ts';
import { HostFiles } from '../../../src/backends/process/file-space.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { admitDocument } from '../../../src/controllers/admit-document.ts';
import { SOURCE_ANNOTATION } from '../../../src/sources/source.ts';
import { ManualClock } from '../../rig/manual-clock.ts';

let dir: string;

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'fixpoint-admit-')));
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

async function admit(tasks: TaskSpec[], annotations: Record<string, string> = {}) {
  const document: WorkflowDocument = {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'w', annotations: { [FOLDER_ANNOTATION]: dir, ...annotations } },
    spec: { tasks },
  };
  const state = join(dir, 'state');
  const files = new HostFiles(systemClock, {
    digests: { path: join(state, 'digests'), writable: false },
    reserved: [join(dir, 'runs')],
  });
  const capacity = { cpu: 1, memoryBytes: 1, gpu: 0 };
  const backend = new MemoryBackend({ world: new MemoryWorld(new ManualClock()), capacity, clock: systemClock });
  return admitDocument(document, { backends: new Backends([backend]), files });
}

async function problems(...of: Parameters<typeof admit>): Promise<string[]> {
  const admitted = await admit(...of);
  return admitted.ok ? [] : admitted.error.map((d) => `${d.code} ${d.path.join('.')} ${d.message.replaceAll(dir, '')}`);
}

describe('a sheet', () => {
  const reads = (path: string): TaskSpec => ({
    name: 't',
    run: 'x',
    foreach: { rows: { path }, key: '${{ item.id }}' },
  });
  const AT = 'spec.tasks.1.foreach.rows.path';

  it('that is a pipe, a folder or a loop is named, and nobody waits for its writer', async () => {
    execFileSync('mkfifo', [join(dir, 'pipe.csv')]);
    mkdirSync(join(dir, 'folder.csv'));
    symlinkSync('loop.csv', join(dir, 'loop.csv'));
    for (const [name, problem] of [
      ['pipe.csv', 'is not a file'],
      ['folder.csv', 'is not a file'],
      ['loop.csv', 'cannot be read (ELOOP)'],
    ])
      expect(await problems([{ name: 'first', run: 'x' }, reads(name as string)])).toEqual([
        `E-SHEET ${AT} t: the sheet /${name} ${problem}`,
      ]);
  });

  it('that is not there is reported too, one that can be read is read', async () => {
    expect((await problems([reads('none.csv')]))[0]).toMatch(/^E-SHEET .*none\.csv does not exist/);
    writeFileSync(join(dir, 's.csv'), 'id\nä\n');
    const admitted = await admit([reads('s.csv')]);
    expect(admitted.ok && Object.values(admitted.value.sheets)).toEqual(['id\nä\n']);
  });
});

describe('an input that nobody makes', () => {
  const reads = (path: string): TaskSpec => ({ name: 't', run: 'x', inputs: [{ name: 'i', path }] });

  it('is refused when it does not exist; one that cannot be read may exist', async () => {
    expect((await problems([reads('none')]))[0]).toMatch(/^E-NO-PRODUCER /);
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const admitted = await admit([reads('pipe')]);
    expect(admitted.ok && [...admitted.value.facts.values()]).toEqual(['unreadable:NOTAFILE']);
  });
});

describe('an output', () => {
  const makes = (path: string): TaskSpec => ({ name: 't', run: 'x', outputs: [{ name: 'o', path }] });

  it.each([
    ['.', ' is the workflow'],
    ['..', ' contains the workflow'],
    ['state', '/state is /state, where Fixpoint keeps its own files'],
    ['runs', '/runs is /runs, where Fixpoint keeps its own files'],
    ['w.yaml', '/w.yaml is the workflow’s document'.replace('’', "'")],
  ])('at %s is refused', async (path, message) => {
    const found = await problems([makes(path)], { [SOURCE_ANNOTATION]: join(dir, 'w.yaml') });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^E-OUTPUT-PATH spec\.tasks\.0\.outputs\.0 t: output o: /);
    expect(found[0]).toContain(message);
  });
});
