import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/cli/config.ts';

// What the documentation says is run as a reader would run it: every block marked `sh test`, page by page and in order, in a
// folder that has `examples/` in it. Every whole workflow is linted, every generated part is fresh, every link leads
// somewhere, every error code is explained, and every example does what its comment says.

const ROOT = join(import.meta.dirname, '..', '..');
/** The built program, unless this names another entry; one that ends in `.ts` is run without building. */
const MAIN = resolve(ROOT, process.env['FIXPOINT_MAIN'] ?? 'dist/cli/main.js');
const PROGRAM = MAIN.endsWith('.ts') ? `node --import '${import.meta.resolve('tsx')}' '${MAIN}'` : `'${MAIN}'`;
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((p) =>
  p.endsWith('.md'),
);

interface Block {
  readonly page: string;
  readonly line: number;
  /** What stands behind the fence: `sh test`, `yaml`. */
  readonly kind: string;
  readonly text: string;
}

const blocks: readonly Block[] = PAGES.flatMap(blocksOf);

function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  let open: { line: number; indent: number; kind: string; lines: string[] } | undefined;
  for (const [i, line] of readFileSync(join(ROOT, page), 'utf8').split('\n').entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line.slice(open.indent));
    else if (open === undefined)
      open = { line: i + 1, indent: fence[1]?.length ?? 0, kind: fence[2]?.trim() ?? '', lines: [] };
    else {
      found.push({ page, line: open.line, kind: open.kind, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    }
  }
  expect(open, `${page}: a block is not closed`).toBeUndefined();
  return found;
}

/** A folder with `examples/` in it, where `fixpoint` is the built program. */
class Desk {
  readonly dir = mkdtempSync(join(tmpdir(), 'fixpoint-docs-'));
  readonly #children: ChildProcess[] = [];

  constructor() {
    const bin = join(this.dir, '.bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'fixpoint'), `#!/bin/sh\nexec ${PROGRAM} "$@"\n`, { mode: 0o755 });
    cpSync(join(ROOT, 'examples'), join(this.dir, 'examples'), {
      recursive: true,
      filter: (from) => !/\/examples\/(?:wfinstances|out|\.fixpoint)(?:\/|$)/.test(from),
    });
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), 'utf8');
  }

  /** In a process group of its own, so that what a script leaves behind can be ended. */
  async bash(script: string): Promise<{ readonly code: number | null; readonly stdout: string; readonly all: string }> {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(?:FIXPOINT_|XDG_|NO_COLOR|FORCE_COLOR)/.test(name),
    );
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: this.dir,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        PATH: `${join(this.dir, '.bin')}:${process.env['PATH']}`,
        HOME: this.dir,
        XDG_RUNTIME_DIR: this.dir,
        NO_COLOR: '1',
      },
    });
    this.#children.push(child);
    let stdout = '';
    let all = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
      all += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      all += data.toString();
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    return { code, stdout, all };
  }

  /** Number of attempts by task key. */
  async attempts(workflow: string, state: string): Promise<Record<string, number>> {
    const { stdout } = await this.bash(`fixpoint get tasks ${workflow} --state ${state} -o json`);
    const { items } = JSON.parse(stdout) as {
      items: { metadata: { name: string }; status: { phase: string; attempts: unknown[] } }[];
    };
    return Object.fromEntries(
      items.filter((item) => item.status.phase === 'Succeeded').map((i) => [i.metadata.name, i.status.attempts.length]),
    );
  }

  dispose(): void {
    for (const { pid } of this.#children) {
      try {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      } catch {
        // Nothing of the group is left.
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Taken away when the test has ended, however it ended. */
function newDesk(): Desk {
  const desk = new Desk();
  onTestFinished(() => desk.dispose());
  return desk;
}

describe('commands in the documentation', () => {
  const pages = [...new Set(blocks.filter((block) => block.kind === 'sh test').map((block) => block.page))];

  test('are run, except those that need another machine', () => {
    const shown = blocks
      .filter((block) => block.kind === 'sh')
      .map((block) => `${block.page}: ${block.text.split('\n')[0]}`);
    expect(shown).toEqual([
      'README.md: npm ci && npm run build && npx fixpoint run examples/epigenomics.yaml',
      'README.md: alias fixpoint="$PWD/dist/cli/main.js"',
      'README.md: npm ci && npm run verify',
      'docs/benchmarks.md: npm run bench -- --install --no-run                       # peers: Debian packages, and Python environments in the cache folder',
      'docs/operations.md: fixpoint daemon --state /var/lib/fixpoint --watch /srv/workflows',
      'docs/operations.md: sqlite3 .fixpoint/fixpoint.db ".backup backup/fixpoint.db"',
    ]);
    expect(pages).toEqual(['README.md', 'docs/convergence.md', 'docs/operations.md']);
  });

  for (const page of pages) {
    // The README runs a real workflow: half a minute of computing, which a loaded machine makes into minutes.
    test(`of ${page} do what it says`, { timeout: 300_000 }, async () => {
      const desk = newDesk();
      const script = blocks
        .filter((block) => block.page === page && block.kind === 'sh test')
        .map((block) => block.text);
      const { code, all } = await desk.bash(script.join('\n'));
      expect(code, all).toBe(0);
      if (page !== 'README.md') return;
      // First all 42, then the edit whose output stayed the same, then the one that four others follow.
      const attempts = Object.values(await desk.attempts('epigenomics', 'examples/.fixpoint'));
      expect([attempts.length, attempts.reduce((sum, n) => sum + n, 0)]).toEqual([42, 42 + 1 + 5]);
    });
  }
});

describe('workflows in the documentation', () => {
  const workflows = blocks.filter((block) => block.kind === 'yaml');

  test('are whole', () => {
    expect(
      workflows.filter((block) => !block.text.includes('kind: Workflow')).map((b) => `${b.page}:${b.line}`),
    ).toEqual([]);
    expect(workflows.length).toBeGreaterThan(3);
  });

  test('have no errors and no warnings', async () => {
    const desk = newDesk();
    const names = workflows.map((block, i) => {
      const name = `${i}-${block.page.replaceAll('/', '-')}-${block.line}.yaml`;
      writeFileSync(join(desk.dir, name), block.text);
      return name;
    });
    expect(await desk.bash(`fixpoint lint ${names.join(' ')}`)).toEqual({ code: 0, stdout: '', all: '' });
  });

  const configurations = blocks.filter((block) => block.kind === 'yaml config');

  test.each(configurations)('have a configuration that is right: $page:$line', ({ text }) => {
    expect(readConfig(text, 'config.yaml')).toMatchObject({ ok: true });
  });

  test('run under the configuration that is shown', async () => {
    const desk = newDesk();
    // What sends tasks to a cluster needs that cluster.
    const shown = configurations.filter(({ text }) => !text.includes('type: kubernetes'));
    expect(shown).toHaveLength(1);
    writeFileSync(join(desk.dir, 'config.yaml'), shown[0]?.text ?? '');
    const { code, all } = await desk.bash('fixpoint run examples/hello.yaml --config config.yaml');
    expect(code, all).toBe(0);
  });
});

describe('examples', () => {
  /** What each leaves behind, by a file that it writes. */
  const expected: Readonly<Record<string, { readonly output: string; readonly content: string }>> = {
    convergence: { output: 'convergence/report.txt', content: 'Words of a text\n11\n5 quick\n' },
    hello: { output: 'hello/shout.txt', content: 'HELLO, WORLD\n' },
    retry: { output: 'retry/answer.txt', content: '42\n' },
    'sample-sheet': {
      output: 'sample-sheet/gc.tsv',
      content: 'sample\tgc\tdepth\nNA12878\t12\tdeep\nNA12891\t6\tshallow\nNA12892\t17\tdeep\n',
    },
    sweep: { output: 'sweep/best.txt', content: '0.000000000 step=0.4,start=-2\n' },
  };
  const files = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.yaml'));

  test('are all run: here, or by the README', () => {
    expect(files.sort()).toEqual([...Object.keys(expected), 'epigenomics'].map((name) => `${name}.yaml`).sort());
  });

  test('have no errors and no warnings', async () => {
    const desk = newDesk();
    const paths = files.map((name) => `examples/${name}`);
    expect(await desk.bash(`fixpoint lint ${paths.join(' ')}`)).toEqual({ code: 0, stdout: '', all: '' });
  });

  for (const [name, { output, content }] of Object.entries(expected)) {
    test(`${name} runs, and what succeeded does not run again`, async () => {
      const desk = newDesk();
      const command = `fixpoint run examples/${name}.yaml --cpus 2`;
      const first = await desk.bash(command);
      expect(first.code, first.all).toBe(0);
      expect(desk.read(`examples/out/${output}`)).toBe(content);
      const before = await desk.attempts(name, 'examples/.fixpoint');
      expect(Object.keys(before).length).toBeGreaterThan(0);
      const second = await desk.bash(command);
      expect(second.code, second.all).toBe(0);
      expect(await desk.attempts(name, 'examples/.fixpoint')).toEqual(before);
    });
  }
});

describe('pages', () => {
  test('hold what is generated from the code of today', async () => {
    const desk = newDesk();
    const { code, all } = await desk.bash(`cd '${ROOT}' && node --import tsx scripts/reference.ts --check`);
    expect(code, all).toBe(0);
  });

  test('have links that lead somewhere', () => {
    const broken = PAGES.flatMap((page) =>
      [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link))
        .map((link) => `${page}: ${link}`),
    );
    expect(leadsSomewhere('README.md', '#what-works-today')).toBe(true);
    expect(leadsSomewhere('README.md', '#no-such-heading')).toBe(false);
    expect(broken).toEqual([]);
  });

  test('explain every code of a diagnostic, and no other', () => {
    const code = /\b[EW]-[A-Z]+(?:-[A-Z]+)*\b/g;
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const used = new Set(
      sources.flatMap((name) =>
        [...readFileSync(join(ROOT, 'src', name), 'utf8').matchAll(/'([EW]-[A-Z]+(?:-[A-Z]+)*)'/g)].map(
          (match) => match[1] ?? '',
        ),
      ),
    );
    const explained = new Set(readFileSync(join(ROOT, 'docs/diagnostics.md'), 'utf8').match(code));
    expect([...explained].sort()).toEqual([...used].sort());
  });
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
  if (!existsSync(target)) return false;
  if (anchor === undefined) return true;
  const headings = readFileSync(target, 'utf8').match(/^#+ .*$/gm) ?? [];
  return headings.some((heading) => slug(heading.replace(/^#+ /, '')) === anchor);
}

/** As code hosts make anchors of headings. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
