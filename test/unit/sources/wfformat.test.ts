import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { decode } from '../../../src/apis/decode.ts';
import type { TaskSpec, WorkflowDocument } from '../../../src/apis/workflow.ts';
import { importWfFormat, toYaml, type WfFormatOptions } from '../../../src/sources/wfformat.ts';
import { SHARED_SETUP } from '../../../src/sources/wfformat-script.ts';

const FOLDER = join(import.meta.dirname, '../../../examples/wfinstances');
const INSTANCES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

interface InstanceJson {
  workflow: {
    specification: {
      tasks: { id: string; inputFiles?: string[]; outputFiles?: string[]; parents: string[] }[];
      files: { id: string; sizeInBytes: number }[];
    };
    execution: { tasks: { id: string; runtimeInSeconds: number }[] };
  };
}

const read = (name: string): InstanceJson => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as InstanceJson;

const imported = (json: unknown, options: WfFormatOptions = { timeScale: 1, sizeScale: 1 }): WorkflowDocument => {
  const result = importWfFormat(json, options);
  if (!result.ok) throw new Error(result.error.map((d) => `${d.path.join('.')}: ${d.message}`).join('\n'));
  return result.value;
};

const problems = (json: unknown, options: WfFormatOptions = { timeScale: 1, sizeScale: 1 }): readonly string[] => {
  const result = importWfFormat(json, options);
  return result.ok ? ['no problem'] : result.error.map((d) => `${d.path.join('.')}: ${d.message}`);
};

const idOf = (task: TaskSpec): string => task.annotations?.['wfformat/id'] ?? '';
const inputsOf = (task: TaskSpec): readonly string[] => task.inputs?.flatMap((input) => input.paths ?? []) ?? [];
const outputsOf = (task: TaskSpec): readonly string[] => task.outputs?.map((output) => output.path ?? '') ?? [];

/** Ids of the tasks that each task waits for, by files and by `dependsOn`; `stage_in` has the id ''. */
function parentsOf(document: WorkflowDocument): ReadonlyMap<string, ReadonlySet<string>> {
  const { tasks } = document.spec;
  const makers = new Map(tasks.flatMap((task) => outputsOf(task).map((path) => [path, idOf(task)] as const)));
  const ids = new Map(tasks.map((task) => [task.name, idOf(task)]));
  return new Map(
    tasks.map((task) => {
      const byFile = inputsOf(task).map((path) => makers.get(path) ?? 'nobody');
      const byName = (task.dependsOn ?? []).map((name) => ids.get(name) ?? 'nobody');
      return [idOf(task), new Set([...byFile, ...byName])];
    }),
  );
}

test('there are twelve instances', () => expect(INSTANCES.length).toBe(12));

describe.each(INSTANCES)('%s', (name) => {
  const instance = read(name);
  const { specification, execution } = instance.workflow;
  const document = imported(instance);
  const { tasks } = document.spec;

  test('has every task, named safely, with its id', () => {
    const names = tasks.map((task) => task.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((task) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(task))).toEqual([]);
    expect(tasks[0]?.name).toBe('stage_in');
    expect(tasks.slice(1).map(idOf)).toEqual(specification.tasks.map((task) => task.id));
    expect(document.metadata.name).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
  });

  test('has the recorded edges and no others', () => {
    const staged = new Set(outputsOf(tasks[0] as TaskSpec));
    const parents = parentsOf(document);
    for (const [i, recorded] of specification.tasks.entries()) {
      const expected = new Set(recorded.parents);
      if (inputsOf(tasks[i + 1] as TaskSpec).some((path) => staged.has(path))) expected.add('');
      expect([recorded.id, parents.get(recorded.id)]).toEqual([recorded.id, expected]);
    }
  });

  test('has one path for each file, flat under data/', () => {
    const used = specification.files.map((file) => file.id);
    const paths = new Set(tasks.flatMap((task) => [...inputsOf(task), ...outputsOf(task)]));
    expect(paths.size).toBe(used.length);
    expect([...paths].filter((path) => !/^data\/[A-Za-z0-9_+~][A-Za-z0-9_+~.-]{0,199}$/.test(path))).toEqual([]);
    const made = tasks.flatMap(outputsOf);
    expect(new Set(made)).toEqual(paths);
    expect(made.length).toBe(paths.size);
  });

  test('burns the recorded times and writes the recorded sizes, scaled', () => {
    const scaled = imported(instance, { timeScale: 0.01, sizeScale: 0.5 }).spec.tasks;
    const numbers = (pattern: RegExp): number[] =>
      scaled.flatMap((task) => [...(task.run ?? '').matchAll(pattern)].map((match) => Number(match[1])));
    const times = new Map(execution.tasks.map((task) => [task.id, Math.round(task.runtimeInSeconds * 10)]));
    expect(numbers(/^burn_ms (\d+)$/gm)).toEqual(specification.tasks.map((task) => times.get(task.id)));
    const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
    const bytes = numbers(/^write_output file_\d+ (\d+) \$\{\{ outputs\.file_\d+ \}\}$/gm);
    expect(sum(bytes)).toBe(sum(specification.files.map((file) => Math.round(file.sizeInBytes * 0.5))));
  });

  test('fits a small machine', () => {
    expect(document.spec.defaults?.resources).toEqual({ cpu: 1 });
    expect(tasks.filter((task) => task.resources !== undefined)).toEqual([]);
  });

  test('prints as YAML that reads back the same, without a diagnostic', () => {
    const { documents, diagnostics } = decode(toYaml(document), 'imported.yaml');
    expect(diagnostics).toEqual([]);
    expect(documents.map((decoded) => decoded.value)).toEqual([document]);
  });
});

/** A small instance; each field may be replaced. */
const instance = (change: {
  tasks?: readonly object[];
  files?: readonly object[];
  records?: readonly object[];
  name?: unknown;
}): object => ({
  name: change.name ?? 'small',
  schemaVersion: '1.5',
  workflow: {
    specification: { tasks: change.tasks ?? [{ id: 'a' }], files: change.files ?? [] },
    execution: { tasks: change.records ?? [] },
  },
});

const file = (id: string, sizeInBytes = 1): object => ({ id, sizeInBytes });

describe('edges', () => {
  test('a parent without a shared file is a dependsOn, once, whichever end names it', () => {
    const files = [file('x')];
    const tasks = [
      { id: 'a', outputFiles: ['x'], children: ['b', 'c'] },
      { id: 'b', inputFiles: ['x'], parents: ['a'] },
      { id: 'c', parents: ['a', 'b.1'] },
      { id: 'b.1' },
    ];
    const made = imported(instance({ tasks, files })).spec.tasks;
    expect(made.map((task) => [task.name, task.dependsOn])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', ['a', 'b_1']],
      ['b_1', undefined],
    ]);
  });

  test('recorded cores are kept for people; every task asks for one', () => {
    const tasks = imported(instance({ records: [{ id: 'a', runtimeInSeconds: 2, coreCount: 48 }] })).spec.tasks;
    expect(tasks[0]?.annotations).toEqual({ 'wfformat/id': 'a', 'wfformat/cores': '48' });
    expect(tasks[0]?.resources).toBeUndefined();
  });
});

describe('what is wrong with an instance is a diagnostic', () => {
  const wrong: readonly [name: string, json: unknown, expected: RegExp][] = [
    ['no object', 7, /an object is needed/],
    ['null', null, /an object is needed/],
    ['another version', { schemaVersion: '1.3' }, /^schemaVersion: the schema version is "1.3"/],
    ['no version', {}, /the schema version is missing/],
    ['no workflow', { schemaVersion: '1.5' }, /^workflow: an object is needed/],
    ['no tasks', instance({ tasks: [] }), /no tasks/],
    ['a task that is none', instance({ tasks: ['a' as unknown as object] }), /tasks\.0: an object is needed/],
    ['a task without an id', instance({ tasks: [{}] }), /tasks\.0\.id: a non-empty string/],
    ['two of one id', instance({ tasks: [{ id: 'a' }, { id: 'a' }] }), /tasks\.1\.id: two tasks have the id a/],
    ['an expression as id', instance({ tasks: [{ id: '$' + '{{ 1 }}' }] }), /cannot hold an expression/],
    ['half a character', instance({ tasks: [{ id: 'a\ud800' }] }), /valid Unicode/],
    [
      'an unlisted file',
      instance({ tasks: [{ id: 'a', inputFiles: ['x'] }] }),
      /tasks\.0\.inputFiles: the file x is not in/,
    ],
    ['an unknown parent', instance({ tasks: [{ id: 'a', parents: ['z'] }] }), /tasks\.0\.parents: there is no task z/],
    ['an unknown child', instance({ tasks: [{ id: 'a', children: ['z'] }] }), /tasks\.0\.children: there is no task z/],
    [
      'two makers',
      instance({ tasks: ['a', 'b'].map((id) => ({ id, outputFiles: ['x'] })), files: [file('x')] }),
      /x is made by a and b/,
    ],
    [
      'read and made by one',
      instance({ tasks: [{ id: 'a', inputFiles: ['x'], outputFiles: ['x'] }], files: [file('x')] }),
      /x is both read and made by a/,
    ],
    ['a file of two sizes', instance({ files: [file('x', 1), file('x', 2)] }), /listed twice, with 1 and 2 bytes/],
    ['a negative size', instance({ files: [file('x', -1)] }), /files\.0\.sizeInBytes: a number of zero or more/],
    ['a size beyond integers', instance({ files: [file('x', 1e300)] }), /the scaled size of x is too large/],
    [
      'a negative time',
      instance({ records: [{ id: 'a', runtimeInSeconds: -1 }] }),
      /execution\.tasks\.0\.runtimeInSeconds/,
    ],
    ['a text as time', instance({ records: [{ id: 'a', runtimeInSeconds: '1' }] }), /a number of zero or more/],
  ];
  test.each(wrong)('%s', (_, json, expected) => {
    expect(problems(json).join('\n')).toMatch(expected);
    expect(problems(json)).not.toContain('no problem');
  });

  test('scales that are none', () => {
    for (const scale of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(problems(instance({}), { timeScale: scale, sizeScale: scale })).toHaveLength(2);
    }
  });

  test('any damage to an instance gives a document or diagnostics, never an exception', () => {
    const spots: (readonly [holder: (root: object) => object, key: string])[] = [];
    const visit = (node: object, reach: (root: object) => object): void => {
      for (const [key, child] of Object.entries(node)) {
        spots.push([reach, key]);
        if (typeof child === 'object' && child !== null)
          visit(child, (root) => Reflect.get(reach(root), key) as object);
      }
    };
    visit(read('helloworld-chain-5-chameleon.json'), (root) => root);
    fc.assert(
      fc.property(fc.constantFrom(...spots), fc.jsonValue({ maxDepth: 2 }), ([holder, key], value) => {
        const damaged = read('helloworld-chain-5-chameleon.json');
        Reflect.set(holder(damaged), key, value);
        const result = importWfFormat(damaged, { timeScale: 1, sizeScale: 1 });
        if (!result.ok) expect(result.error.length).toBeGreaterThan(0);
        else expect(decode(toYaml(result.value), 'x.yaml').diagnostics).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('keys of prototypes are ids like any other', () => {
    const ids = ['__proto__', 'constructor', 'toString'];
    const tasks = ids.map((id, i) => ({ id, outputFiles: [`${id}.x`], parents: ids.slice(0, i) }));
    const document = imported(instance({ tasks, files: ids.map((id) => file(`${id}.x`)) }));
    expect(document.spec.tasks.map((task) => task.name)).toEqual(ids);
    expect(document.spec.tasks[2]?.dependsOn).toEqual(['__proto__', 'constructor']);
  });
});

describe('the scripts, in bash', () => {
  let folder = '';
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const bash = (script: string): string => {
    return execFileSync('bash', ['-euo', 'pipefail', '-c', `${SHARED_SETUP}${script}`], {
      cwd: folder,
      encoding: 'utf8',
    });
  };
  /** Runs every task in the order of the document, with paths in place of expressions. */
  const runAll = (document: WorkflowDocument): void => {
    for (const task of document.spec.tasks) {
      const paths = new Map(task.outputs?.map((output) => [`outputs.${output.name}`, output.path ?? '']));
      const list = inputsOf(task)
        .map((path) => `'${path}'`)
        .join(' ');
      bash((task.run ?? '').replace(/\$\{\{ (\S+) \}\}/g, (_, name: string) => paths.get(name) ?? list));
    }
  };
  const content = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const chain = (last: number): WorkflowDocument =>
    imported(
      instance({
        tasks: [
          { id: 'one', inputFiles: ['https://host/a b.txt'], outputFiles: ['/abs/mid'] },
          { id: 'two', inputFiles: ['/abs/mid'], outputFiles: ['end', 'empty'] },
        ],
        files: [file('https://host/a b.txt', 100), file('/abs/mid', 1000), file('end', last), file('empty', 0)],
      }),
    );

  test('files have the declared sizes, the same each time, and follow their inputs', () => {
    folder = mkdtempSync(join(tmpdir(), 'wfformat-'));
    runAll(chain(200_000));
    expect(statSync(join(folder, 'data/https~3A++host+a~20b.txt')).size).toBe(100);
    expect(statSync(join(folder, 'data/+abs+mid')).size).toBe(1000);
    expect(statSync(join(folder, 'data/end')).size).toBe(200_000);
    const before = content('data/end');
    expect(content('data/empty')).toMatch(/^two file_2 [0-9a-f]{64}\n$/);
    runAll(chain(200_000));
    expect(content('data/end')).toBe(before);
    bash("begin stage_in; write_output file_1 101 'data/https~3A++host+a~20b.txt'");
    const downstream = chain(200_000);
    runAll({ ...downstream, spec: { ...downstream.spec, tasks: downstream.spec.tasks.slice(1) } });
    expect(content('data/end')).not.toBe(before);
  });

  test('a burn uses at least the CPU time asked for, and none is asked for at scale 0', () => {
    folder = mkdtempSync(join(tmpdir(), 'wfformat-'));
    const seconds = bash('burn_ms 200\ntimes')
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => /^(\d+)m([\d.]+)s$/.exec(word))
      .reduce((sum, match) => sum + Number(match?.[1]) * 60 + Number(match?.[2]), 0);
    expect(seconds).toBeGreaterThanOrEqual(0.19);
    const idle = imported(read('helloworld-chain-5-chameleon.json'), { timeScale: 0, sizeScale: 0 });
    expect(idle.spec.tasks.flatMap((task) => (task.run ?? '').match(/^burn_ms .*$/gm) ?? [])).toEqual(
      Array(5).fill('burn_ms 0'),
    );
    runAll(idle);
    expect(readdirSync(join(folder, 'data'))).toHaveLength(6);
  });
});
