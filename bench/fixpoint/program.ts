import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Expression } from '../peers/peer.ts';
import type { Work } from '../work.ts';
import { documentOf, WORKFLOW } from './document.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
export const STATE = 'state';
export const DOCUMENT = 'bench.json';

/** The built program with these arguments. */
export function fixpoint(...args: readonly string[]): readonly string[] {
  return [MAIN, ...args];
}

export function isBuilt(): boolean {
  return existsSync(MAIN);
}

/** With the commit, where the harness runs in a repository: between releases the number alone says little. */
export function fixpointVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', 'src') === '' ? '' : ', changed';
    return `${version} (${git('rev-parse', '--short=10', 'HEAD')}${changed})`;
  } catch {
    return version;
  }
}

/** The work for a `run` in a new process. */
export function expressed(work: Work): Expression {
  return {
    files: { [DOCUMENT]: documentOf(work) },
    command: fixpoint('run', DOCUMENT, '--state', STATE, '--cpus', String(work.slots)),
    plan: fixpoint('plan', '-f', DOCUMENT, '--state', STATE),
    planExit: 2,
    planSays: /\b1 Reset\b/,
    resumes: 'sees edits',
    problem: (dir) => statusProblem(dir, work.tasks),
  };
}

interface Status {
  readonly phase: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** The whole document is in it. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

function get(dir: string): ReturnType<typeof spawnSync> {
  const [program = '', ...args] = fixpoint('get', 'workflow', WORKFLOW, '-o', 'json', '--state', STATE);
  return spawnSync(program, args, {
    cwd: dir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: MAX_ANSWER_BYTES,
  });
}

export function hasWorkflow(dir: string): boolean {
  return get(dir).status === 0;
}

export function statusProblem(dir: string, tasks: number): string | undefined {
  const { status, stdout, stderr } = get(dir);
  if (status !== 0) return `get workflow ended with ${status}: ${String(stderr).trimEnd()}`;
  const { phase, counts } = (JSON.parse(String(stdout)) as { readonly status: Status }).status;
  if (phase === 'Succeeded' && counts['Succeeded'] === tasks) return undefined;
  return `the workflow is ${phase}, with ${JSON.stringify(counts)}`;
}
