import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Built,
  buildStages,
  execForm,
  type Instruction,
  openToOthers,
  parseDockerfile,
  stagesOf,
} from '../rig/dockerfile.ts';

// No engine is needed: the steps of the Dockerfile itself are run, in folders that stand for its stages. What cannot be
// run without root and a network is counted: one step, which installs the init.

const ROOT = resolve(import.meta.dirname, '../..');
const TEXT = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const INSTRUCTIONS = parseDockerfile(TEXT);
const STAGES = stagesOf(INSTRUCTIONS);
const IGNORED = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean } | undefined>>;
}

const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** Rules of a good image, each with text that breaks it, so that the rule is known to find what it is for. */
const RULES: readonly {
  readonly rule: string;
  readonly broken: (all: readonly Instruction[]) => boolean;
  readonly bad: string;
}[] = [
  {
    rule: 'every base has a version to the patch',
    broken: (all) => stagesOf(all).some(({ image }) => !/^[a-z0-9/.-]+:\d+\.\d+\.\d+(?:-[a-z0-9]+)*$/.test(image)),
    bad: 'FROM node:22-slim',
  },
  {
    rule: 'the last stage has fewer tools than the first, and is of the same release',
    broken: (all) => {
      const [first, last] = [stagesOf(all)[0]?.image, stagesOf(all).at(-1)?.image];
      return last !== `${first}-slim`;
    },
    bad: 'FROM node:22.0.0-bookworm AS build\nFROM node:22.0.1-bookworm-slim',
  },
  {
    rule: 'Node is one that the package runs on',
    broken: (all) => stagesOf(all).some(({ image }) => Number(/^node:(\d+)\./.exec(image)?.[1] ?? 0) < 20),
    bad: 'FROM node:18.20.0-bookworm',
  },
  { rule: 'COPY, never ADD', broken: (all) => all.some(({ word }) => word === 'ADD'), bad: 'FROM a:1.2.3\nADD . .' },
  {
    rule: 'what is copied is named',
    broken: (all) =>
      all.some(
        ({ word, text }) =>
          word === 'COPY' &&
          text
            .split(/\s+/)
            .slice(0, -1)
            .some((path) => /^[./]*$|\*/.test(path)),
      ),
    bad: 'FROM a:1.2.3\nCOPY . .',
  },
  {
    rule: 'it ends as a user by number, who is not root',
    broken: (all) => {
      const user = stagesOf(all)
        .at(-1)
        ?.steps.findLast(({ word }) => word === 'USER');
      return user === undefined || !/^[1-9]\d{4,}:[1-9]\d{4,}$/.test(user.text);
    },
    bad: 'FROM a:1.2.3\nUSER node',
  },
  {
    rule: 'entry point and command are in exec form, behind an init',
    broken: (all) => {
      const last = stagesOf(all).at(-1)?.steps ?? [];
      const [entry, command] = ['ENTRYPOINT', 'CMD'].map(
        (wanted) => last.find(({ word }) => word === wanted)?.text ?? '',
      );
      const argv = execForm(entry ?? '');
      return argv?.[0] !== '/usr/bin/tini' || argv[1] !== '--' || execForm(command ?? '') === undefined;
    },
    bad: 'FROM a:1.2.3\nENTRYPOINT node main.js',
  },
  {
    rule: 'packages are installed without what they recommend, and their lists are removed in the same step',
    broken: (all) =>
      all.some(
        ({ text }) =>
          /apt-get install/.test(text) &&
          !(
            /--no-install-recommends/.test(text) &&
            /apt-get update/.test(text) &&
            /rm -rf \/var\/lib\/apt\/lists/.test(text)
          ),
      ),
    bad: 'FROM a:1.2.3\nRUN apt-get install -y tini',
  },
  {
    rule: 'dependencies are those of the lock file',
    broken: (all) =>
      all.some(({ word, text }) => word === 'RUN' && /npm (?:i|install|add)\b|npx |curl |wget /.test(text)),
    bad: 'FROM a:1.2.3\nRUN npm install',
  },
  {
    rule: 'no secret comes in by an argument or a variable',
    broken: (all) =>
      all.some(({ word, text }) => word === 'ARG' || (word === 'ENV' && /token|password|secret|key/i.test(text))),
    bad: 'FROM a:1.2.3\nENV NPM_TOKEN=x',
  },
  {
    rule: 'only the last stage says what is started',
    broken: (all) =>
      stagesOf(all)
        .slice(0, -1)
        .some(({ steps }) => steps.some(({ word }) => word === 'ENTRYPOINT' || word === 'CMD')),
    bad: 'FROM a:1.2.3\nCMD ["x"]\nFROM b:1.2.3',
  },
];

describe('the Dockerfile', () => {
  test.each(RULES)('$rule', ({ broken, bad }) => {
    expect(broken(parseDockerfile(bad))).toBe(true);
    expect(broken(INSTRUCTIONS)).toBe(false);
  });

  test('names the release that the manifests ask for', () => {
    const kustomization = readFileSync(join(ROOT, 'manifests/base/kustomization.yaml'), 'utf8');
    expect(kustomization).toContain(`newTag: ${MANIFEST.version}\n`);
    expect(TEXT).toContain(`docker build -t fixpoint:${MANIFEST.version} .`);
  });

  test('its user is the one that the Deployment asks for', () => {
    const deployment = readFileSync(join(ROOT, 'manifests/base/deployment.yaml'), 'utf8');
    const user = INSTRUCTIONS.find(({ word }) => word === 'USER')?.text;
    expect(`${/runAsUser: (\d+)/.exec(deployment)?.[1]}:${/runAsGroup: (\d+)/.exec(deployment)?.[1]}`).toBe(user);
  });

  test('sees only what is named in .dockerignore', () => {
    expect(IGNORED[0]).toBe('*');
    for (const line of IGNORED.slice(1)) {
      expect(line).toMatch(/^![A-Za-z-]+(?:\.[a-z.-]+)*$/);
      expect(existsSync(join(ROOT, line.slice(1))), line).toBe(true);
    }
  });
});

describe('its steps', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'fixpoint-image-'));
  const left: string[] = [];
  let image: Built;

  // Installing compiles the database: a minute or two.
  beforeAll(() => {
    image = buildStages(STAGES, {
      context: ROOT,
      visible: IGNORED.slice(1).map((line) => line.slice(1)),
      scratch,
      leaveOut: (command) => {
        if (!command.startsWith('apt-get ')) return false;
        left.push(command);
        return true;
      },
    });
    openToOthers(scratch);
  }, 900_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** The entry point without its init, as the image's user where this one may become another. */
  function start(argv: readonly string[], cwd: string) {
    const [, , program = ''] = image.entrypoint;
    const [uid, gid] = (image.user ?? '').split(':').map(Number);
    const root = process.getuid?.() === 0;
    return spawnSync(join(image.root, program), argv, {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...image.env },
      ...(root && uid !== undefined && gid !== undefined ? { uid, gid } : {}),
    });
  }

  test('but one are done', () => {
    expect(left).toHaveLength(1);
    expect(left[0]).toContain('install -y --no-install-recommends tini ');
  });

  test('compile the database, and leave no compiler and no development dependency in the image', () => {
    const modules = join(image.root, 'opt/fixpoint/node_modules');
    const binary = 'better-sqlite3/build/Release/better_sqlite3.node';
    // A downloaded one has no build files beside it.
    expect(existsSync(join(scratch, 'build/src/node_modules/better-sqlite3/build/Makefile'))).toBe(true);
    expect(statSync(join(modules, binary)).size).toBeGreaterThan(500_000);
    for (const name of Object.keys(MANIFEST.dependencies)) expect(existsSync(join(modules, name)), name).toBe(true);
    // Some of ours are dependencies of what is shipped, too.
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
    for (const name of Object.keys(MANIFEST.devDependencies))
      if (lock.packages[`node_modules/${name}`]?.dev === true)
        expect(existsSync(join(modules, name)), name).toBe(false);
    expect(readdirSync(join(image.root, 'opt/fixpoint')).sort()).toEqual([
      'LICENSE',
      'crds',
      'dist',
      'node_modules',
      'package.json',
    ]);
  });

  test('make a program that starts as its user, from files that the user cannot change', () => {
    const version = start(['version'], scratch);
    expect(version.stderr).toBe('');
    expect(version.stdout).toContain(MANIFEST.version);
    expect(start(['crds'], scratch).stdout).toContain('kind: CustomResourceDefinition');
    // Group and others may not write.
    const files = readdirSync(join(image.root, 'opt/fixpoint/dist'), { recursive: true, encoding: 'utf8' });
    for (const file of files) expect(statSync(join(image.root, 'opt/fixpoint/dist', file)).mode & 0o022, file).toBe(0);
  });

  test('make a program that runs a workflow', () => {
    const home = mkdtempSync(join(tmpdir(), 'fixpoint-image-home-'));
    try {
      mkdirSync(join(home, 'work'));
      cpSync(join(ROOT, 'examples/hello.yaml'), join(home, 'work/hello.yaml'));
      spawnSync('chmod', ['-R', 'a+rwX', home]);
      const ran = start(['run', 'hello.yaml'], join(home, 'work'));
      expect(ran.status, ran.stderr).toBe(0);
      expect(readFileSync(join(home, 'work/out/hello/shout.txt'), 'utf8')).toBe('HELLO, WORLD\n');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  test('end in the command that the Deployment gives, too', () => {
    const deployment = readFileSync(join(ROOT, 'manifests/base/deployment.yaml'), 'utf8');
    expect(deployment).toContain(`args: [${image.command.join(', ')}, `);
  });
});
