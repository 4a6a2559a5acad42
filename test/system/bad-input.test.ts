import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Ran, Sandbox } from '../rig/cli.ts';
import { test } from '../rig/in-sandbox.ts';

// Hostile and broken input through the real program: a clear error in bounded memory, names that never become paths,
// and values that arrive as they are and never run.

const HEAD = 'apiVersion: fixpoint.dev/v1alpha1\nkind: Workflow\nmetadata: {name: w}\n';
const POLL_MS = 20;

/** Runs it to the end and tells the most memory it was seen to hold. */
async function measured(box: Sandbox, ...args: readonly string[]): Promise<Ran & { readonly maxRssMb: number }> {
  const started = box.start(...args);
  let maxRssMb = 0;
  const look = (): void => {
    try {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${started.pid}/status`, 'latin1'));
      maxRssMb = Math.max(maxRssMb, Number(peak?.[1] ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, POLL_MS);
  try {
    return { ...(await started.ended), maxRssMb };
  } finally {
    clearInterval(timer);
  }
}

const json = (spec: object): string =>
  JSON.stringify({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name: 'w' }, spec });

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function aliasBomb(): string {
  const levels = numbers(30).map(
    (i) =>
      `    a${i}: &a${i} [${
        i === 0
          ? 'x, x'
          : Array(9)
              .fill(`*a${i - 1}`)
              .join(', ')
      }]`,
  );
  return `${HEAD}spec:\n  params:\n${levels.join('\n')}\n  tasks: [{name: a, run: "true"}]\n`;
}

interface Bad {
  readonly name: string;
  readonly write: (box: Sandbox) => string;
  readonly says: RegExp;
  /** Far above what is needed, far below what an explosion takes. */
  readonly mb?: number;
  /** 1: it is known only when the task is launched. */
  readonly code?: 1;
}

const fanOut = (foreach: object, params: object = {}): string =>
  json({ params, tasks: [{ name: 'a', foreach, run: 'true' }] });

const BAD: readonly Bad[] = [
  { name: 'an alias bomb', write: (box) => box.write('f.yaml', aliasBomb()), says: /E-ALIAS params\.a\d+/ },
  {
    name: 'deep nesting in YAML',
    write: (box) => box.write('f.yaml', `${HEAD}spec:\n  params: {p: ${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`),
    says: /E-DEPTH nested deeper than 100 levels/,
  },
  {
    name: 'deep nesting in JSON',
    write: (box) => box.write('f.json', `${'{"a":'.repeat(300_000)}1${'}'.repeat(300_000)}`),
    says: /E-DEPTH nested deeper than 100 levels/,
  },
  {
    name: 'a file of 100 MB',
    write: (box) => {
      const path = box.write('f.yaml', HEAD);
      truncateSync(path, 100 * 2 ** 20);
      return path;
    },
    says: /f\.yaml:1:1: error E-TOO-LARGE: more than 33554432 bytes \(MAX_DOCUMENT_BYTES\)/,
  },
  {
    name: 'a million items',
    write: (box) => box.write('f.json', fanOut({ items: numbers(1_000_000) })),
    says: /E-TOO-MANY tasks\[0\]\.foreach\.items: has 1000000 entries/,
    mb: 800,
  },
  {
    name: 'a million items from an expression',
    write: (box) => box.write('f.json', fanOut({ itemsFrom: '${{ params.l }}' }, { l: numbers(1_000_000) })),
    says: /E-LIMIT tasks\[0\]\.foreach: 1000000 elements are more than MAX_FANOUT_ELEMENTS/,
    mb: 1500,
  },
  {
    name: 'a range of a billion',
    write: (box) => box.write('f.json', fanOut({ range: { count: 1_000_000_000 } })),
    says: /E-LIMIT tasks\[0\]\.foreach\.range\.count: count 1000000000 is not within 0\.\.500000/,
  },
  {
    name: 'a matrix of 10^20',
    write: (box) =>
      box.write('f.json', fanOut({ matrix: numbers(10).map((i) => ({ name: `a${i}`, values: numbers(100) })) })),
    says: /E-LIMIT tasks\[0\]\.foreach\.matrix: more than MAX_FANOUT_ELEMENTS/,
  },
  {
    name: 'many large fan-outs',
    write: (box) =>
      box.write(
        'f.json',
        json({
          tasks: numbers(20).map((i) => ({ name: `a${i}`, foreach: { range: { count: 400_000 } }, run: 'true' })),
        }),
      ),
    says: /E-LIMIT tasks\[1\]\.foreach: more than MAX_TASKS \(500000\) tasks in all/,
    mb: 1500,
  },
  {
    name: 'a join of everything by everyone',
    write: (box) =>
      box.write(
        'f.json',
        json({
          tasks: [
            {
              name: 'a',
              foreach: { range: { count: 200_000 } },
              outputs: [{ name: 'o', path: 'o${{ key }}' }],
              run: 'true',
            },
            {
              name: 'b',
              foreach: { range: { count: 200_000 } },
              inputs: [{ name: 'i', paths: ['${{ tasks.a.outputs.o }}'] }],
              run: 'true',
            },
          ],
        }),
      ),
    says: /E-LIMIT tasks\[1\]\.inputs: more than MAX_EDGES \(10000000\) paths/,
    mb: 1500,
  },
  {
    name: 'globs that make a hundred million edges',
    write: (box) =>
      box.write('f.json', json({ tasks: numbers(10_000).map((i) => ({ name: `a${i}`, after: ['*'], run: 'true' })) })),
    says: /E-LIMIT tasks: \d+ edges are more than MAX_EDGES/,
    mb: 2500,
  },
  {
    name: 'ten thousand names that are not there',
    write: (box) =>
      box.write(
        'f.json',
        json({ tasks: numbers(10_000).map((i) => ({ name: `task_${i}`, dependsOn: [`tusk_${i}`], run: 'true' })) }),
      ),
    says: /E-UNKNOWN-TASK tasks\[0\]\.dependsOn\[0\].*Did you mean task_0\?/,
    mb: 800,
  },
  {
    name: 'a regex bomb in matches',
    write: (box) =>
      box.write(
        'f.json',
        json({
          params: { p: 'a'.repeat(1_000_000) },
          tasks: [{ name: 'a', run: "echo ${{ params.p.matches('((a?){30}){30}b$') }}" }],
        }),
      ),
    says: /E-EXPRESSION tasks\[0\]\.run.*MAX_EXPRESSION_STEPS/,
  },
  {
    name: 'a regex bomb in pattern',
    write: (box) =>
      box.write(
        'f.json',
        json({
          params: { p: 'a'.repeat(1_000_000) },
          paramSchema: [{ name: 'p', pattern: '((a?){30}){30}b$' }],
          tasks: [{ name: 'a', run: 'true' }],
        }),
      ),
    says: /E-PARAM .*(?:MAX_EXPRESSION_STEPS|no RE2 pattern)/,
  },
  {
    name: 'a NUL byte',
    write: (box) => box.write('f.yaml', `${HEAD}spec:\n  tasks: [{name: a, run: "tr\0ue"}]\n`),
    says: /f\.yaml:5:29 E-CHARACTER a NUL byte/,
  },
  {
    name: 'an escaped NUL',
    write: (box) => box.write('f.yaml', `${HEAD}spec:\n  tasks: [{name: a, run: "tr\\0ue"}]\n`),
    says: /E-CHARACTER tasks\[0\]\.run: a text may not hold NUL/,
  },
  {
    name: 'bytes that are not UTF-8',
    write: (box) => {
      const path = box.path('f.yaml');
      writeFileSync(
        path,
        Buffer.concat([Buffer.from(`${HEAD}spec:\n  tasks: [{name: a, run: "`), Buffer.from([0xff, 0xfe])]),
      );
      return path;
    },
    says: /f\.yaml:5:27 E-CHARACTER U\+FFFD stands where the file is not valid UTF-8/,
  },
  {
    name: 'a folder',
    write: (box) => {
      mkdirSync(box.path('f.yaml'));
      return box.path('f.yaml');
    },
    says: /f\.yaml holds no Workflow/,
  },
  {
    name: 'a file that cannot be read',
    write: (box) => {
      symlinkSync('f.yaml', box.path('f.yaml'));
      return box.path('f.yaml');
    },
    says: /ELOOP.*f\.yaml/,
  },
  { name: 'a file that is not there', write: (box) => box.path('none.yaml'), says: /ENOENT.*none\.yaml/ },
];

describe('a clear error in bounded memory', () => {
  for (const { name, write, says, mb = 400, code = 2 } of BAD) {
    test(name, async ({ box }) => {
      const ran = await measured(box, 'run', write(box));
      expect(ran.stderr).toMatch(says);
      expect([ran.code, ran.stdout]).toEqual([code, '']);
      // No stack, and no more than a screen or three of it.
      expect(ran.stderr).not.toMatch(/^ {4}at /m);
      expect(ran.stderr.length).toBeLessThan(60_000);
      expect(ran.maxRssMb).toBeLessThan(mb);
    });
  }
});

const LONG = 'x'.repeat(300);

describe('names never become paths', () => {
  const refused = ['../../x', '/etc/passwd', 'a/b', '..', '.', '', 'naïve', 'имя', LONG, 'a b', 'a\nb', '-rf', '$(x)'];

  test('names of tasks, files and workflows are refused', async ({ box }) => {
    for (const [i, name] of refused.entries()) {
      const tasks = [
        { name, run: 'true' },
        { name: `ok${i}`, run: 'true', files: [{ name, content: 'x' }], outputs: [{ name, path: 'o' }] },
      ];
      const file = box.write('f.json', JSON.stringify({ ...JSON.parse(json({ tasks })), metadata: { name } }));
      const { code, stderr } = await box.cli('lint', file);
      expect([name, code]).toEqual([name, 2]);
      const places = ['metadata.name', 'tasks[0].name', 'tasks[1].files[0].name', 'tasks[1].outputs[0].name'];
      for (const place of places) expect(stderr, name).toContain(` ${place}: `);
    }
    expect(readdirSync(box.dir).sort()).toEqual(['f.json', 'run']);
  });

  test('keys of elements stay inside the folder of their workflow', async ({ box }) => {
    const keys = [
      ...refused,
      '~',
      '~~',
      '*',
      '%2e%2e%2f',
      'a+b:c,d=e',
      '../'.repeat(40),
      '__proto__',
      'a\\b',
      '\u202e',
      `${LONG}y`,
    ];
    const file = box.workflow({ tasks: [{ name: 't', foreach: { items: keys }, run: 'true' }] });
    const { code, workflow } = await box.run(file, '--keep-runs', 'all');
    expect([code, workflow.status?.counts]).toEqual([0, { Succeeded: keys.length }]);
    const runs = join(box.state, 'runs');
    expect(readdirSync(runs)).toEqual(['w']);
    const folders = readdirSync(join(runs, 'w'));
    expect(folders).toHaveLength(keys.length);
    for (const folder of folders) {
      expect(folder).toMatch(/^t\+[A-Za-z0-9._@~-]+$/);
      expect(Buffer.byteLength(folder)).toBeLessThan(256);
      expect(existsSync(join(runs, 'w', folder, readdirSync(join(runs, 'w', folder))[0] ?? '', 'exit.json'))).toBe(
        true,
      );
    }
    expect(readdirSync(box.dir).sort()).toEqual(['.fixpoint', 'run', 'w.json']);
    expect([...(await box.tasks()).keys()]).toHaveLength(keys.length);
  });

  test('names of Object are names like others', async ({ box }) => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
    const tasks = names.map((name, i) => ({
      name,
      ...(i === 0 ? {} : { dependsOn: [names[i - 1]] }),
      outputs: [{ name, path: `${name}.out` }],
      env: [{ name, value: `\${{ params['${name}'] }}` }],
      run: `printf %s "$${name}" > \${{ outputs['${name}'] }}`,
    }));
    // JSON.parse makes an own `__proto__`, as the program must.
    const params = JSON.parse(`{${names.map((name) => `"${name}": "of ${name}"`).join(', ')}}`) as object;
    const spec = `{"params": ${JSON.stringify(params)}, "tasks": ${JSON.stringify(tasks)}}`;
    const file = box.write('w.json', json({}).replace('"spec":{}', `"spec":${spec}`));
    await box.expectExit(0, 'run', file);
    for (const name of names) expect(box.read(`${name}.out`)).toBe(`of ${name}`);
  });
});

/** What a shell, a template or a careless program would make something of. */
const EVIL: readonly string[] = [
  '$(touch PWNED)',
  '`touch PWNED`',
  '; touch PWNED',
  "'; touch PWNED; '",
  '"; touch PWNED; "',
  "'\"'\"'; touch PWNED #",
  '\ntouch PWNED\n',
  'EOF\ntouch PWNED\nEOF\n',
  '&& touch PWNED',
  '| touch PWNED',
  '> PWNED',
  '<(touch PWNED)',
  '${IFS}$IFS',
  '${PATH:-x}',
  '$((1/0))',
  "$'\\x41'",
  '\\',
  '\\n\\',
  '*',
  '~',
  '-n',
  '--',
  '%s%n%d',
  'a{b,c}[d-z]?',
  ' lead and trail \t',
  'line\r\nend\n\n',
  '${{ params.x }}',
  '}} ${{',
  '!history #comment',
  'é 😀 \u2028\u0085\u202e',
  '\u0007\u001b[2J\u007f',
  '',
  '__proto__',
  'long '.repeat(2_000),
];

/** Anything outside printable ASCII escaped: the file is plain, the value is not. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

describe('values arrive as they are and never run', () => {
  const nothingRan = (box: Sandbox): void => {
    const found = readdirSync(box.dir, { recursive: true }).filter((path) => basename(String(path)) === 'PWNED');
    expect(found).toEqual([]);
  };

  test('as items, keys, environment, files and arguments', async ({ box }) => {
    mkdirSync(box.path('out'));
    const items = EVIL.map((v, id) => ({ id, v, 'odd name': v }));
    const foreach = { items, key: '${{ string(item.id) }}:${{ item.v }}' };
    const out = (kind: string): string => `out/\${{ item.id }}.${kind}`;
    const tasks = [
      {
        name: 'script',
        foreach,
        env: [{ name: 'EVIL', value: '${{ item.v }}' }],
        files: [{ name: 'f', content: '${{ item.v }}' }],
        run: [
          `printf %s \${{ item.v }} > ${out('bare')}`,
          `printf %s x\${{ item['odd name'] }}y > ${out('inside')}`,
          `printf %s "\${{ item.v }}" > ${out('double')}`,
          `printf %s '\${{ item.v }}' > ${out('single')}`,
          `printf %s "$(printf %s \${{ item.v }}; echo .)" > ${out('substituted')}`,
          `cat > ${out('here')} <<EOF\n\${{ item.v }}\nEOF`,
          `printf %s "$EVIL" > ${out('env')}`,
          `cat \${{ files.f }} > ${out('file')}`,
          `printf %s \${{ key }} > ${out('key')}`,
          '# a comment may say ${{ item.v }} too',
        ].join('\n'),
      },
      {
        name: 'argv',
        foreach,
        command: ['sh', '-c', 'printf %s "$1" > "$2"', '${{ item.v }}', '${{ item.v }}', out('argv')],
      },
    ];
    const document = {
      apiVersion: 'fixpoint.dev/v1alpha1',
      kind: 'Workflow',
      metadata: { name: 'w' },
      spec: { tasks },
    };
    const file = box.write('w.json', asciiJson(document));
    await box.expectExit(0, 'run', file);
    for (const { id, v } of items) {
      const seen = Object.fromEntries(
        ['bare', 'inside', 'double', 'single', 'substituted', 'here', 'env', 'file', 'key', 'argv'].map((kind) => [
          kind,
          box.read(`out/${id}.${kind}`),
        ]),
      );
      expect(seen).toEqual({
        bare: v,
        inside: `x${v}y`,
        double: v,
        single: v,
        substituted: `${v}.`,
        here: `${v}\n`,
        env: v,
        file: v,
        key: `${id}:${v}`,
        argv: v,
      });
    }
    nothingRan(box);
  });

  test('as parameters on the command line', async ({ box }) => {
    mkdirSync(box.path('out'));
    const names = EVIL.map((_, id) => `p${id}`);
    const file = box.workflow({
      paramSchema: names.map((name) => ({ name, type: 'string' })),
      tasks: [{ name: 'a', run: names.map((name) => `printf %s \${{ params.${name} }} > out/${name}`).join('\n') }],
    });
    await box.expectExit(0, 'run', file, ...EVIL.flatMap((v, id) => ['--param', `p${id}=${v}`]));
    expect(names.map((name) => box.read(`out/${name}`))).toEqual(EVIL);
    nothingRan(box);
  });

  test('as cells of a sheet', async ({ box }) => {
    mkdirSync(box.path('out'));
    const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const rows = EVIL.map((v, id) => `${id},${cell(v)}`);
    box.write('sheet.csv', `id,v\n${rows.join('\n')}\n`);
    const file = box.workflow({
      tasks: [
        {
          name: 'a',
          foreach: { rows: { path: 'sheet.csv' }, key: '${{ item.id }}' },
          run: 'printf %s ${{ item.v }} > out/${{ item.id }}',
        },
      ],
    });
    await box.expectExit(0, 'run', file);
    expect(EVIL.map((_, id) => box.read(`out/${id}`))).toEqual(EVIL);
    nothingRan(box);
  });
});
