import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failPoint } from '../../base/fail-point.ts';
import { once, twice } from '../../base/twice.ts';
import type { Exit } from '../backend.ts';
import { claimTime, readClaim, readExit } from '../process/run-folder.ts';
import { writeDurably } from './slurm-folder.ts';

/** What a run folder on a file system that others write to says of its attempt. */
export type FolderState =
  | { readonly kind: 'Unclaimed' }
  /** Its claim was taken by us: it never starts. */
  | { readonly kind: 'Withdrawn' }
  | { readonly kind: 'Claimed'; readonly node: string; readonly startTime: number; readonly turnedBack: boolean }
  /** There is a claim, and nobody can say whose. */
  | { readonly kind: 'Torn' }
  | { readonly kind: 'Ended'; readonly exit: Exit; readonly opinion: Opinion | undefined }
  | { readonly kind: 'Unreadable'; readonly message: string };

/** Slurm's word on an attempt that failed, kept beside its record, so that a later daemon tells the same. */
export interface Opinion {
  /** Empty: Slurm had none in time. */
  readonly state: string;
  readonly message: string;
}

const OPINION = 'slurm.json';

export async function readFolder(directory: string, token: string): Promise<FolderState> {
  // Listing it makes a network file system ask its server what is there.
  await readdir(directory).catch(() => undefined);
  const exit = await readExit(directory, token);
  if (exit.kind === 'There') return { kind: 'Ended', exit: exit.value.exit, opinion: await readOpinion(directory) };
  const claim = await readClaim(directory);
  const unreadable = claim.kind === 'Unreadable' ? claim : exit;
  if (unreadable.kind === 'Unreadable') return { kind: 'Unreadable', message: unreadable.message };
  if (claim.kind !== 'There') return { kind: claim.kind === 'Torn' ? 'Torn' : 'Unclaimed' };
  if (claim.value.pid === 0) return { kind: 'Withdrawn' };
  const turnedBack = await stat(join(directory, 'turned-back')).then(
    () => true,
    () => false,
  );
  return { kind: 'Claimed', node: claim.value.host, startTime: (await claimTime(directory)) ?? 0, turnedBack };
}

/** It is over, and Slurm has nothing more to say about it: whoever asks is told what the folder says. */
export function isSettled(state: FolderState): boolean {
  if (state.kind === 'Withdrawn') return true;
  if (state.kind !== 'Ended') return false;
  const { verdict, exitCode } = state.exit;
  return state.opinion !== undefined || verdict !== 'Exited' || exitCode === 0;
}

async function readOpinion(directory: string): Promise<Opinion | undefined> {
  try {
    return JSON.parse(once(await readFile(join(directory, OPINION), 'utf8')) ?? '') as Opinion;
  } catch {
    return undefined;
  }
}

export async function keepOpinion(directory: string, opinion: Opinion): Promise<void> {
  failPoint('slurm.opinion');
  await writeDurably(join(directory, OPINION), twice(JSON.stringify(opinion))).catch(() => undefined);
}
