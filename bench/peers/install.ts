import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Peer } from './peer.ts';

// Where peers are found and how they get there. Debian's lie on the search path; each Python one has an environment of
// its own in the cache folder.

/** The path of the peer's program; undefined: it is not installed. */
export function programOf({ source }: Peer, cache: string): string | undefined {
  if (source.kind === 'PyPI') {
    const program = join(environmentOf(source.venv, cache), 'bin', source.program);
    // The mark is set last, so that half an installation is none.
    return existsSync(join(environmentOf(source.venv, cache), installedMark(source.requirements)))
      ? program
      : undefined;
  }
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, source.program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function environmentOf(venv: string, cache: string): string {
  return join(cache, 'venvs', venv);
}

function installedMark(requirements: readonly string[]): string {
  return `installed-${requirements.join('+')}`;
}

/** What is wrong; undefined: it is installed now. */
export function install(peer: Peer, cache: string): string | undefined {
  if (programOf(peer, cache) !== undefined) return undefined;
  const { source } = peer;
  if (source.kind === 'Debian') {
    if (process.getuid?.() !== 0) return `only root can install the Debian package ${source.package}`;
    const installed = ['apt-get', 'install', '-y', '--no-install-recommends', source.package];
    // On a fresh machine the lists of packages come first.
    return firstProblem([installed]) === undefined ? undefined : firstProblem([['apt-get', 'update'], installed]);
  }
  const venv = environmentOf(source.venv, cache);
  return firstProblem([
    ['python3', '-m', 'venv', venv],
    [
      join(venv, 'bin/python'),
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      ...source.requirements,
    ],
    ['touch', join(venv, installedMark(source.requirements))],
  ]);
}

function firstProblem(commands: readonly (readonly string[])[]): string | undefined {
  for (const [program = '', ...args] of commands) {
    const { status, stderr, error } = spawnSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) return `${program} ${args.join(' ')}: ${error?.message ?? stderr.trimEnd().slice(-500)}`;
  }
  return undefined;
}

/** The first thing that looks like a version in what the program says of itself. */
export function versionOf(peer: Peer, program: string): string {
  const [command = '', ...args] = peer.version(program);
  const { stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return /\d[\w.+]*/.exec(stdout?.split('\n')[0] ?? '')?.[0] ?? 'unknown';
}
