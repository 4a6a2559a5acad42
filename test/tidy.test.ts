import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FAIL_POINTS } from '../src/base/fail-point.ts';
import { effectsIn } from './rig/effects.ts';

// The house rules that a machine can check. Each is a row of a table below; a finding names the file, the line and
// the rule. This file is the one place that must spell out what is forbidden, so the text rules pass it over.

const ROOT = join(import.meta.dirname, '..');

/** A module imports only from its own layer's folder and from layers above it in this list. */
const LAYERS: readonly (readonly string[])[] = [
  ['src/base/'],
  ['src/apis/'],
  ['src/expressions/'],
  ['src/graph/'],
  ['src/planning/'],
  ['src/kubernetes/'],
  ['src/store/', 'src/sources/', 'src/backends/'],
  ['src/controllers/'],
  ['src/server/'],
  ['src/daemon.ts'],
  ['src/cli/'],
];

/** The one place of src/ where a package may be imported. A package that is not here is not a dependency of src/. */
const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  '@bufbuild/re2': 'src/expressions/',
  '@kubernetes/client-node': 'src/kubernetes/kubeconfig.ts',
  '@marcbachmann/cel-js': 'src/expressions/',
  ajv: 'src/apis/',
  'better-sqlite3': 'src/store/',
  chokidar: 'src/sources/folder',
  commander: 'src/cli/',
  execa: 'src/backends/slurm/',
  picocolors: 'src/cli/',
  pino: 'src/base/logger.ts',
  undici: 'src/kubernetes/connections.ts',
  yaml: 'src/apis/',
};

const LENGTH_CAPS: readonly { readonly under: string; readonly lines: number }[] = [
  { under: 'src/', lines: 400 },
  { under: 'scripts/', lines: 400 },
  { under: 'bench/', lines: 400 },
  { under: 'test/', lines: 800 },
];

/** Folders whose tests some vitest project runs; a test elsewhere would never run. */
const TEST_HOMES = /^test\/(?:(?:unit|contract|simulation|system)\/.+|tidy)\.test\.ts$/;

/** Names that say nothing about what is inside, and barrels. */
const FORBIDDEN_NAMES = /(?:^|[-.])(?:utils?|helpers?|managers?|common|misc|index)\.[a-z]+$/;

interface TextRule {
  readonly rule: string;
  /** Which files, by path from the root. */
  readonly files: RegExp;
  readonly except?: RegExp;
  readonly pattern: RegExp;
  /** True: comments are looked at too. */
  readonly comments?: boolean;
  /** A line that breaks the rule: proves that the pattern still finds what it is for. */
  readonly bad: string;
}

const TYPESCRIPT = /\.(?:ts|mjs)$/;
const SRC = /^src\/.*\.ts$/;
const TESTS = /^test\/.*\.ts$/;
const EVERYTHING = /./;
const COMPOSITION_ROOTS = /^src\/(?:base\/|cli\/|daemon\.ts$)/;
const FOREIGN = /^(?:examples\/wfinstances\/|package-lock\.json$|LICENSE$)/;

const TEXT_RULES: readonly TextRule[] = [
  {
    rule: 'named exports only',
    files: TYPESCRIPT,
    except: /^vitest\.config\.ts$/,
    pattern: /^\s*export\s+default\b|\bas\s+default\b/,
    bad: 'export default 1;',
  },
  { rule: 'no barrels', files: SRC, pattern: /^\s*export\s+\*/, bad: "export * from './a.ts';" },
  {
    rule: 'time comes from the Clock port',
    files: SRC,
    except: COMPOSITION_ROOTS,
    pattern:
      /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|(?<![.\w])(?:globalThis\.)?set(?:Timeout|Interval)\b|node:timers/,
    bad: 'const t = setTimeout(run, 1);',
  },
  {
    rule: 'chance is injected',
    files: SRC,
    except: COMPOSITION_ROOTS,
    pattern: /\bMath\.random\b/,
    bad: 'Math.random()',
  },
  {
    rule: 'the environment is read by composition roots',
    files: SRC,
    except: COMPOSITION_ROOTS,
    pattern: /\bprocess\.env\b|\benv\b[^;]*\bfrom\s+'node:process'/,
    bad: 'process.env.HOME',
  },
  {
    rule: 'no unfinished business',
    files: EVERYTHING,
    pattern: /\b(?:TODO|FIXME|XXX)\b/,
    comments: true,
    bad: '// TODO later',
  },
  {
    rule: 'no machine paths',
    files: EVERYTHING,
    pattern: /(?<![\w.~}])\/(?:work|root|home)\/\S|(?<![\w.])\/(?:work|root)(?=['"`\s,;)]|$)/,
    comments: true,
    bad: 'cd /home/someone/project',
  },
  {
    rule: 'no registry hosts',
    files: EVERYTHING,
    pattern: /https?:\/\/[\w.-]*(?:registry|artifactory|nexus)[\w-]*\./,
    comments: true,
    bad: 'https://registry.example.org/x',
  },
  {
    rule: 'no skipped or focused tests',
    files: TESTS,
    pattern: /\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.(?:skip|only|todo|fails)\b/,
    bad: "test.skip('x', () => {});",
  },
  {
    rule: 'no mocks: fakes are honest',
    files: TESTS,
    pattern: /\bvi\.(?:mock|doMock|spyOn|fn|useFakeTimers)\b/,
    bad: "vi.mock('./a.ts')",
  },
];

/** What git tracks or would track; deleted files that git still lists are left out. */
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
})
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))
  .sort();

const texts = new Map(tracked.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
const sources = tracked.filter((path) => SRC.test(path));

/** The text without comments, line for line. A `//` inside a string survives when no white space stands before it. */
function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}

function findings(rule: TextRule, path: string, text: string): string[] {
  const found: string[] = [];
  const looked = rule.comments || !TYPESCRIPT.test(path) ? text : withoutComments(text);
  looked.split('\n').forEach((line, i) => {
    if (rule.pattern.test(line)) found.push(`${path}:${i + 1} ${rule.rule}: ${line.trim().slice(0, 100)}`);
  });
  return found;
}

/** What a module imports, statically or dynamically, for values or for types. */
function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const pattern =
    /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The layer of a path and its home in that layer, or undefined outside all layers. */
function layerOf(path: string): { readonly rank: number; readonly home: string } | undefined {
  for (const [rank, homes] of LAYERS.entries()) {
    const home = homes.find((h) => path === h || (h.endsWith('/') && path.startsWith(h)));
    if (home !== undefined) return { rank, home };
  }
  return undefined;
}

/** Why `from` may not import `to`, both paths from the root; undefined: it may. */
function layerProblem(from: string, to: string): string | undefined {
  const here = layerOf(from);
  const there = layerOf(to);
  if (here === undefined || there === undefined) return `${from} imports ${to}: not in any layer of test/tidy.test.ts`;
  if (here.home === there.home || there.rank < here.rank) return undefined;
  const why = there.rank === here.rank ? 'siblings never import one another' : 'against the dependency direction';
  return `${from} imports ${to}: ${why} (${here.home} may not see ${there.home})`;
}

function packageProblem(from: string, specifier: string): string | undefined {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const home = Object.hasOwn(PACKAGE_HOMES, name) ? PACKAGE_HOMES[name] : undefined;
  if (home === undefined) return `${from} imports ${name}: a package without a home in test/tidy.test.ts`;
  return from.startsWith(home) ? undefined : `${from} imports ${name}: its one home is ${home}`;
}

/** Some cycle of the graph as the list of its members, or undefined. Nodes on no cycle are peeled off first. */
function cycleOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const rest = new Map([...graph].map(([node, next]) => [node, new Set(next.filter((n) => graph.has(n)))]));
  for (let peeled = true; peeled; ) {
    peeled = false;
    for (const [node, next] of rest) {
      for (const n of next) if (!rest.has(n)) next.delete(n);
      if (next.size === 0) peeled = rest.delete(node);
    }
  }
  const seen: string[] = [];
  let node = rest.keys().next().value;
  while (node !== undefined && !seen.includes(node)) {
    seen.push(node);
    node = rest.get(node)?.values().next().value;
  }
  return node === undefined ? undefined : [...seen.slice(seen.indexOf(node)), node];
}

const relativeImports = new Map(
  sources.map((path) => [
    path,
    importsOf(texts.get(path) ?? '')
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => join(dirname(path), specifier)),
  ]),
);

describe('text', () => {
  for (const rule of TEXT_RULES) {
    test(rule.rule, () => {
      expect(rule.bad, 'the rule must find its own example').toMatch(rule.pattern);
      const files = tracked.filter(
        (path) =>
          rule.files.test(path) && !rule.except?.test(path) && !FOREIGN.test(path) && path !== 'test/tidy.test.ts',
      );
      expect(files.flatMap((path) => findings(rule, path, texts.get(path) ?? ''))).toEqual([]);
    });
  }
});

describe('imports', () => {
  test('follow the dependency direction', () => {
    expect(layerProblem('src/base/a.ts', 'src/apis/b.ts')).toMatch(/direction/);
    expect(layerProblem('src/store/a.ts', 'src/backends/b.ts')).toMatch(/siblings/);
    expect(layerProblem('src/cli/a.ts', 'src/store/b.ts')).toBeUndefined();
    const problems = [...relativeImports].flatMap(([from, all]) => all.map((to) => layerProblem(from, to)));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('name files that exist, with their extension', () => {
    const problems = [...relativeImports].flatMap(([from, all]) =>
      all.filter((to) => !texts.has(to)).map((to) => `${from} imports ${to}: no such file`),
    );
    expect(problems).toEqual([]);
  });

  test('make no cycles', () => {
    expect(cycleOf(new Map(Object.entries({ a: ['b'], b: ['c'], c: ['b'] })))).toEqual(['b', 'c', 'b']);
    expect(cycleOf(relativeImports)).toBeUndefined();
  });

  test('take each package in its one home', () => {
    expect(packageProblem('src/cli/a.ts', 'yaml')).toMatch(/one home is src\/apis/);
    expect(packageProblem('src/cli/a.ts', 'left-pad/x')).toMatch(/left-pad: a package without a home/);
    const problems = sources.flatMap((from) =>
      importsOf(texts.get(from) ?? '')
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map((specifier) => packageProblem(from, specifier)),
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('and dependencies of package.json agree with the homes', () => {
    const manifest = JSON.parse(texts.get('package.json') ?? '{}') as { dependencies: Record<string, string> };
    expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(PACKAGE_HOMES).sort());
  });
});

describe('files', () => {
  const code = tracked.filter((path) => /^(?:src|test|scripts|bench)\//.test(path) && TYPESCRIPT.test(path));

  test('of src/ belong to a layer', () => {
    expect(sources.filter((path) => layerOf(path) === undefined)).toEqual([]);
  });

  test('are named for what is inside, in kebab-case', () => {
    const problems = code.flatMap((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (FORBIDDEN_NAMES.test(name)) return [`${path}: a name that says nothing`];
      return /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.(?:ts|mjs)$/.test(name) ? [] : [`${path}: not kebab-case`];
    });
    expect('string-utils.ts').toMatch(FORBIDDEN_NAMES);
    expect(problems).toEqual([]);
  });

  test('stay under their length cap', () => {
    const problems = code.flatMap((path) => {
      const cap = LENGTH_CAPS.find(({ under }) => path.startsWith(under))?.lines ?? Number.POSITIVE_INFINITY;
      const lines = (texts.get(path) ?? '').split('\n').length - 1;
      return lines > cap ? [`${path}: ${lines} lines, cap ${cap}`] : [];
    });
    expect(problems).toEqual([]);
  });

  test('of tests lie where a vitest project runs them, and hold a test', () => {
    const problems = tracked
      .filter((path) => path.endsWith('.test.ts'))
      .flatMap((path) => {
        if (!TEST_HOMES.test(path)) return [`${path}: no vitest project runs it`];
        const holds = /^\s*(?:test|it|(?:with|in)[A-Z]\w+|\w+Contract)\b[\w.]*\s*[(`<]/m.test(
          withoutComments(texts.get(path) ?? ''),
        );
        return holds ? [] : [`${path}: no test in it`];
      });
    expect(problems).toEqual([]);
  });
});

/** Where a fail point is passed, by language, and what changes the world outside of the process. */
const EFFECTS: readonly {
  readonly files: RegExp;
  readonly point: RegExp;
  /** By the line; of TypeScript the syntax says it (`rig/effects.ts`). */
  readonly effect?: RegExp;
  /** Lines that are effects. */
  readonly such: readonly string[];
}[] = [
  { files: SRC, point: /\bfailPoint\('([a-z.]+)'\)/g, such: [] },
  {
    files: /^src\/.*\.c$/,
    effect:
      /\b(?:f?ch(?:mod|own)|copy_file_range|dprintf|exec(?:l|v)p?e?|f?truncate|kill|(?:sym)?link(?:at)?|mk(?:dir|node?|fifo)(?:at)?|posix_spawnp?|pwritev?|rename(?:at2?)?|rmdir|sendfile|t?g?kill|unlink(?:at)?|utimensat|v?fork|writev?)\(|\bO_CREAT\b/,
    point: /\bFAIL_POINT(?:_OF)?\("([a-z.]+)"/g,
    such: ['if (rename(path, into) == 0) return 0;', 'kill(pid, signal);'],
  },
  {
    files: /^src\/.*\.sh$/,
    effect: /(?:^|[\s;&|{(])(?:chmod|cp|kill -(?:TERM|KILL)|ln|mkdir|mv|rm)\s|[^>]> "\$fx_dir\/|>&3; |&$/,
    point: /\bfx_point ([a-z.]+)/g,
    such: ['mv -- "$1" "$2" 2>> x', 'kill -KILL $fx_members', 'printf x > "$fx_dir/exit.json"'],
  },
];

/** How far from an effect its fail point may be in C and in shell: before it or after it, in the same few lines. */
const LINES_AROUND = 6;

/**
 * Writes to the API server that ought to have one, and have none: whoever makes them is killed at moments of chance only
 * (`cluster-home-death.test.ts`, `kubernetes-leader.test.ts`, `pods-from-home.test.ts`).
 */
const NOT_YET: readonly { readonly file: string; readonly line: RegExp }[] = [
  { file: 'src/backends/kubernetes/task-pods.ts', line: /\.(?:delete|patch)\(PODS/ },
  { file: 'src/kubernetes/leader-election.ts', line: /\.(?:create|replace)\(LEASES/ },
  { file: 'src/sources/cluster/workflow-source.ts', line: /\.patch\(/ },
  { file: 'src/store/cluster/api-workflows.ts', line: /\.patch</ },
  { file: 'src/store/cluster/config-map-parts.ts', line: /\.(?:create|replace|delete|patch)\(CONFIG_MAPS/ },
];

/** Effects without a fail point, by what their line holds, and why. */
const NO_FAIL_POINT: readonly { readonly file: string; readonly line: RegExp; readonly why: string }[] = [
  { file: 'src/base/fail-point.ts', line: /./, why: 'it is the fail point' },
  { file: 'src/backends/process/native/fail-point.c', line: /./, why: 'it is the fail point' },
  { file: 'src/backends/runtime/fail-point.sh', line: /./, why: 'it is the fail point' },
  {
    file: 'src/cli/commands/init.ts',
    line: /writeFile|copyFile/,
    why: "new files of the user's, which nothing of ours reads",
  },
  { file: 'src/cli/commands/plan.ts', line: /mkdtemp|rm\(/, why: 'a folder that nobody else knows' },
  { file: 'src/server/serve-state.ts', line: /mkdir/, why: 'it was made by whoever opened the home: `state.before`' },
  {
    file: 'src/store/database.ts',
    line: /readFileSync|:memory:|fresh|trusted_schema/,
    why: 'between `migrate.before` and `migrate.within`; in memory; of the connection alone',
  },
  { file: 'src/backends/process/native/notice.c', line: /\(log, O_WRONLY|\(file, line,/, why: 'a line for the user' },
  { file: 'src/backends/process/native/command.c', line: /execve|fork/, why: 'around `exec.within`' },
  { file: 'src/backends/process/native/digest.c', line: /fork|execl/, why: 'it only reads' },
  {
    file: 'src/backends/process/native/spawner.c',
    line: /fork|execl|log, O_WRONLY/,
    why: 'between `receive.before` and `receive.after`',
  },
  {
    file: 'src/backends/process/native/spawner.c',
    line: /does not understand/,
    why: 'it comes with nothing of this version',
  },
  {
    file: 'src/backends/runtime/attempt.sh',
    line: /fx_terminate &|sleep/,
    why: 'nothing of it outlives the runtime; `end.before`',
  },
  {
    file: 'src/backends/slurm/element.sh',
    line: /turned-back/,
    why: 'a note that the claim was found taken; where it is missing, the node of the claim tells',
  },
  {
    file: 'src/backends/kubernetes/runtime-file.ts',
    line: /mkdir|writeFile|rename/,
    why: 'its name is its content: one that is not there is made at the next start',
  },
  {
    file: 'src/backends/kubernetes/pod-log.ts',
    line: /writeFile/,
    why: 'a log; nothing is decided by it',
  },
  { file: 'src/backends/runtime/attempt.sh', line: /\.glob/, why: 'only this runtime reads it' },
  { file: 'src/backends/runtime/attempt.sh', line: /unread >&3/, why: 'into the substitution that it stands in' },
  {
    file: 'src/store/sqlite-store.ts',
    line: /(?:\bs|#statements)\.\w+\.run\(/,
    why: 'within the transaction of `commit.within`',
  },
  { file: 'src/backends/slurm/tools.ts', line: /execa/, why: 'around what changes something: `sbatch`, `scancel`' },
  {
    file: 'src/backends/kubernetes/task-pods.ts',
    line: /\.create\(PODS/,
    why: 'between `submit.before` and `submit.after`; its name follows from the token, so it meets itself',
  },
  {
    file: 'src/kubernetes/event-recorder.ts',
    line: /\.(?:patch|create)\(EVENTS/,
    why: 'Events tell people; nothing is decided by them',
  },
  {
    file: 'src/cli/commands/release-finalizers.ts',
    line: /\.patch\(/,
    why: 'each object by itself; whoever died is started again by its user',
  },
  {
    file: 'src/controllers/cluster-client.ts',
    line: /\.(?:patch|delete)\b/,
    why: 'a command of a user: one request, of which nothing is kept here',
  },
  ...NOT_YET.map((one) => ({ ...one, why: 'none yet' })),
];

/** Effects without a fail point: in TypeScript within the same function, elsewhere near by. */
function bareEffects(path: string, text: string): Bare[] {
  const lines = text.split('\n');
  const bare = (at: number): Bare => ({ path, at: at + 1, line: (lines[at] ?? '').trim() });
  if (SRC.test(path))
    return effectsIn(text)
      .filter(({ hasPoint }) => !hasPoint)
      .map(({ line }) => bare(line - 1));
  return EFFECTS.filter(({ files }) => files.test(path)).flatMap(({ effect, point }) =>
    lines.flatMap((line, at) => {
      const near = lines.slice(Math.max(0, at - LINES_AROUND), at + LINES_AROUND + 1).join('\n');
      return !effect?.test(line) || near.search(point) >= 0 ? [] : [bare(at)];
    }),
  );
}

interface Bare {
  readonly path: string;
  readonly at: number;
  readonly line: string;
}

const excuses = ({ file, line: part }: (typeof NO_FAIL_POINT)[number], { path, line }: Bare): boolean =>
  file === path && part.test(line);

/** Names of the fail points that files of a kind pass. */
function passedBy(kind: RegExp): string[] {
  const passed = [...texts].flatMap(([path, text]) =>
    EFFECTS.filter(({ files }) => files.test(path) && kind.test(path)).flatMap(({ point }) =>
      [...text.matchAll(point)].map((match) => match[1] ?? ''),
    ),
  );
  return [...new Set(passed)].sort();
}

describe('fail points', () => {
  const named = (...passers: readonly string[]): string[] =>
    Object.entries(FAIL_POINTS)
      .filter(([, [passer]]) => passers.includes(passer))
      .map(([name]) => name)
      .sort();

  const bare = [...texts].flatMap(([path, text]) => bareEffects(path, text));

  test('stand at every effect', () => {
    for (const { effect, such } of EFFECTS) for (const line of such) expect(line).toMatch(effect ?? /$^/);
    expect(bare.filter((found) => !NO_FAIL_POINT.some((one) => excuses(one, found)))).toEqual([]);
  });

  test('of TypeScript are looked for where an effect is, however it is spelled', () => {
    const effects = (code: string): string[] => effectsIn(code).map(({ what, hasPoint }) => `${what} ${hasPoint}`);
    const files = "import { rename as move, open, rm } from 'node:fs/promises';\n";
    expect(effects(`${files}async function f() { await move(a, b); }`)).toEqual(['move false']);
    expect(effects(`${files}paths.map(rm);`)).toEqual(['rm false']);
    expect(effects(`${files}open(a); open(a, 'r'); open(a, constants.O_RDONLY); x.rm(a);`)).toEqual([]);
    expect(effects(`${files}open(a, how); open(b, 'a');`)).toEqual(['open false', 'open false']);
    expect(effects("import * as fs from 'node:fs'; fs.writeFileSync(a, b); fs.readFileSync(a);")).toEqual([
      'fs.writeFileSync(a, b) false',
    ]);
    expect(effects('class C { m() { failPoint("a"); this.#api.create(X); } n() { process.kill(1); } }')).toEqual([
      'this.#api.create(X) true',
      'process.kill(1) false',
    ]);
    expect(effects('function f() { failPoint("a"); g(() => server.listen(1)); }')).toEqual(['server.listen(1) true']);
  });

  test('have the names that are listed, in each language', () => {
    expect(passedBy(/\.ts$/)).toEqual(named('program', 'slurm'));
    expect(passedBy(/\.c$/)).toEqual(named('runtimes', 'native'));
    expect(passedBy(/\.sh$/)).toEqual(named('runtimes', 'shell'));
  });

  test('are missing only where an exception still fits', () => {
    const idle = NO_FAIL_POINT.filter((one) => !bare.some((found) => excuses(one, found)));
    expect(idle).toEqual([]);
  });
});

/** Fewer would mean that the list was lost. */
const MIN_MUTANTS = 50;

describe('mutants', () => {
  test('every edit of `npm run mutants` still fits the code', () => {
    const said = execFileSync(process.execPath, [join(ROOT, 'scripts/mutants.mjs'), '--fit'], { encoding: 'utf8' });
    const fitting = /^(\d+) of \1 fit$/m.exec(said)?.[1];
    expect(Number(fitting), said).toBeGreaterThanOrEqual(MIN_MUTANTS);
  });
});
