import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-table.ts';
import { nameFrom } from '../../../src/cli/commands/init.ts';
import { Terminal } from './terminal.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fxc-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fixpoint(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new Terminal({ cwd: folder });
  return { code: await terminal.run(...argv), out: terminal.out, err: terminal.err };
}

const HEAD = 'apiVersion: fixpoint.dev/v1alpha1\nkind: Workflow\nmetadata: {name: a}\nspec:\n';

test('every command of the table can be loaded', async () => {
  for (const command of COMMANDS) expect((await command.load()).run, command.name).toBeTypeOf('function');
});

describe('init', () => {
  test('writes a workflow that lint finds nothing in, once', async () => {
    expect((await fixpoint('init')).code).toBe(0);
    const text = await readFile(join(folder, 'workflow.yaml'), 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/workflow\.schema\.json\n/);
    expect(JSON.parse(await readFile(join(folder, 'workflow.schema.json'), 'utf8'))).toBeTypeOf('object');
    expect(await fixpoint('lint', 'workflow.yaml')).toEqual({ code: 0, out: '', err: '' });
    expect((await fixpoint('init')).code).toBe(5);
    expect(await readFile(join(folder, 'workflow.yaml'), 'utf8')).toBe(text);
  });

  test.each([
    ['My Project!', 'my-project'],
    ['---', 'hello'],
    ['', 'hello'],
    [`${'x'.repeat(39)}-y`, 'x'.repeat(39)],
  ])('the folder %j names the workflow %j', (name, expected) => {
    expect(nameFrom(name)).toBe(expected);
  });
});

describe('lint', () => {
  test('finds what is wrong beyond the schema, at its place', async () => {
    await writeFile(join(folder, 'a.yaml'), `${HEAD}  tasks:\n    - {name: x, dependsOn: [nope], run: "true"}\n`);
    const people = await fixpoint('lint', 'a.yaml');
    expect(people.code).toBe(2);
    expect(people.err).toMatch(/^a\.yaml:6:\d+ E-[A-Z-]+ /);
    const scripts = await fixpoint('lint', 'a.yaml', '-o', 'json');
    expect(scripts.err).toBe('');
    expect(JSON.parse(scripts.out)).toMatchObject({ file: 'a.yaml', line: 6, severity: 'error' });
  });

  test('looks into folders, with -R below them', async () => {
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'w/deep'), { recursive: true });
    await writeFile(join(folder, 'w/ok.yaml'), `${HEAD}  tasks: [{name: x, run: "true"}]\n`);
    await writeFile(join(folder, 'w/deep/bad.yml'), 'kind: [');
    await writeFile(join(folder, 'w/readme.md'), '# no workflow');
    expect((await fixpoint('lint', 'w')).code).toBe(0);
    const below = await fixpoint('lint', 'w', '-R');
    expect(below.code).toBe(2);
    expect(below.err).toContain('bad.yml');
  });
});

test('J-29 render prints the document and executes nothing', async () => {
  const touch = join(folder, 'touched');
  const tasks = `  tasks:\n    - {name: x, foreach: {items: [p, q]}, run: "touch ${touch}"}\n`;
  await writeFile(join(folder, 'a.yaml'), `${HEAD}  defaults: {retry: {limit: 2}}\n${tasks}`);
  const seen = await fixpoint('render', 'a.yaml', '-o', 'json');
  expect(seen.code).toBe(0);
  const [workflow, list] = JSON.parse(seen.out).items;
  expect(workflow.spec.defaults).toBeUndefined();
  expect(workflow.spec.tasks[0].retry).toEqual({ limit: 2 });
  expect(list.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['x/p', 'x/q']);
  expect(await readdir(folder)).toEqual(['a.yaml']);
});

test('a graph of a file needs no server, and hides what stands for a whole fan-out', async () => {
  const tasks =
    '  tasks:\n    - {name: x, foreach: {items: [p, q]}, run: "true"}\n    - {name: z, dependsOn: [x], run: "true"}\n';
  await writeFile(join(folder, 'a.yaml'), HEAD + tasks);
  expect((await fixpoint('graph', '-f', 'a.yaml')).out).toBe('x/p\nx/q\nz  <- x/p, x/q\n');
  expect(JSON.parse((await fixpoint('graph', '-f', 'a.yaml', '-o', 'json')).out).edges).toHaveLength(2);
  expect(await readdir(folder)).toEqual(['a.yaml']);
});

test('parameters from files and flags', async () => {
  await writeFile(
    join(folder, 'a.yaml'),
    `${HEAD}  params: {size: 1}\n  tasks: [{name: x, foreach: {range: {count: "\${{ params.size }}"}}, run: "true"}]\n`,
  );
  await writeFile(join(folder, 'p.yaml'), 'size: 3\n');
  const graph = async (...argv: string[]) =>
    (await fixpoint('graph', '-f', 'a.yaml', ...argv)).out.trimEnd().split('\n');
  expect(await graph()).toHaveLength(1);
  expect(await graph('--param-file', 'p.yaml')).toHaveLength(3);
  expect(await graph('--param-file', 'p.yaml', '--param', 'size=2')).toHaveLength(2);
  expect((await fixpoint('lint', 'a.yaml', '--param', 'size')).code).toBe(2);
  await writeFile(join(folder, 'p.yaml'), '[1]\n');
  expect((await fixpoint('lint', 'a.yaml', '--param-file', 'p.yaml')).code).toBe(2);
});

test('schema and crds print what the package ships', async () => {
  expect(JSON.parse((await fixpoint('schema', 'Workflow')).out)).toBeTypeOf('object');
  expect((await fixpoint('schema', 'Pod')).code).toBe(2);
  expect((await fixpoint('crds')).out).toContain('kind: CustomResourceDefinition');
});

test('import makes a workflow that lint accepts; nonsense is refused', async () => {
  await writeFile(join(folder, 'bad.json'), '{}');
  expect((await fixpoint('import', 'wfformat', 'bad.json')).code).toBe(2);
  await writeFile(join(folder, 'worse.json'), '{');
  expect((await fixpoint('import', 'wfformat', 'worse.json')).code).toBe(2);
  expect((await fixpoint('import', 'cwl', 'bad.json')).code).toBe(2);
  expect((await fixpoint('import', 'wfformat', 'bad.json', '--time-scale', '-1')).code).toBe(2);
});
