import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '../base/limits.ts';
import { networkFileSystem } from '../base/network-file-system.ts';
import { socketPathFor } from '../server/holder.ts';
import type { Io } from './io.ts';
import { canonicalStateDir, ownerOf } from './locate-state.ts';
import { isFolder } from './state-folder.ts';

/** What `doctor` found: fine, worth knowing, or in the way. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly text: string;
}

const fine = (text: string): Finding => ({ level: 'ok', text });
const warning = (text: string): Finding => ({ level: 'warning', text });
const error = (text: string): Finding => ({ level: 'error', text });

const LEAST_NODE = [20, 19] as const;

export async function checkSystem(io: Io): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  const findings = [
    recent
      ? fine(`Node ${process.versions.node}`)
      : error(`Node ${process.versions.node}; ${LEAST_NODE.join('.')} is needed`),
  ];
  try {
    await import('../store/database.ts');
    findings.push(fine('the database module loads'));
  } catch (problem) {
    findings.push(error(`the database module does not load: ${(problem as Error).message}`));
  }
  if (io.env['XDG_RUNTIME_DIR'] === undefined) {
    findings.push(warning('XDG_RUNTIME_DIR is not set: sockets lie in the temporary folder'));
  }
  return findings;
}

export async function checkState(io: Io, stateDir: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const exists = await isFolder(stateDir);
  const folder = exists ? stateDir : dirname(stateDir);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!writable) findings.push(error(`${folder} cannot be written to`));
  else findings.push(fine(exists ? `state folder ${stateDir}` : `no state folder yet; ${folder} can hold one`));
  const network = networkFileSystem(folder);
  if (network !== undefined) {
    findings.push(warning(`${folder} is on ${network}: the database is slower there, and only one host may use it`));
  }
  const socket = socketPathFor(await canonicalStateDir(stateDir), io.env['XDG_RUNTIME_DIR']);
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_SOCKET_PATH_BYTES) findings.push(error(`the socket's path has ${bytes} bytes: ${socket}`));
  const owner = exists ? await ownerOf(stateDir) : ({ kind: 'none' } as const);
  if (owner.kind === 'none') findings.push(fine('no daemon serves it'));
  else if (owner.kind === 'live')
    findings.push(fine(`served by pid ${owner.holder.pid} on unix:${owner.holder.socket}`));
  else if (owner.kind === 'elsewhere')
    findings.push(warning(`served on host ${owner.holder.host} by pid ${owner.holder.pid}`));
  else findings.push(error(`pid ${owner.holder.pid} serves it and does not answer on unix:${owner.holder.socket}`));
  if (exists) findings.push(...(await checkLedger(stateDir)));
  return findings;
}

/** All of it, also what opening leaves out for being large. */
async function checkLedger(stateDir: string): Promise<Finding[]> {
  const path = join(stateDir, 'fixpoint.db');
  if (!existsSync(path)) return [];
  const { openDatabase } = await import('../store/database.ts');
  const ledger = openDatabase(path, { readOnly: true, check: 'Full' });
  if (!ledger.ok) return [error(ledger.error)];
  ledger.value.close();
  return [fine('the ledger is sound')];
}

export async function checkProcessBackend(io: Io): Promise<Finding[]> {
  if (process.platform !== 'linux')
    return [error(`the process backend runs on Linux only; this is ${process.platform}`)];
  const findings: Finding[] = [];
  for (const [program, need] of [
    ['sh', 'starts every attempt'],
    ['bash', 'runs scripts of tasks that name no other shell'],
    ['setsid', 'gives every attempt a session of its own'],
    ['sha256sum', 'takes digests of outputs'],
  ] as const) {
    const found = await onPath(io, program);
    findings.push(found === undefined ? error(`${program} is not on PATH; it ${need}`) : fine(found));
  }
  return findings;
}

async function onPath(io: Io, program: string): Promise<string | undefined> {
  for (const folder of (io.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, program);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}
