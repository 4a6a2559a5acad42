import { dirname } from 'node:path';
import { FOLDER_GRACE_MS, MIN_SUSPECT_FILES } from '../../base/limits.ts';
import type { Claim } from './claims.ts';
import { type FolderScan, sameFolder } from './scan-folder.ts';

/**
 * What an absence means. Deleting a workflow cancels what runs, so an absence has to be believable: it lasts for the
 * grace, in a folder that is the same and can be read, and it is not one of many at once.
 */
export interface Verdict {
  readonly due: readonly Claim[];
  /** Absences that are not believed, and why. */
  readonly suspects: ReadonlyMap<Claim, string>;
  /** Files that owned workflows when the present absences began; undefined: none is absent. */
  readonly base: number | undefined;
  /** Milliseconds until the next absence may become due. */
  readonly nextMs: number | undefined;
}

/**
 * Notes on each claim whether its file is there. What cannot be said (an unreadable subfolder) stays as it is.
 * Returns the files that came back: what they hold has to be judged again.
 */
export function notePresence(dir: string, claims: Iterable<Claim>, scan: FolderScan, now: number): ReadonlySet<string> {
  const back = new Set<string>();
  for (const claim of claims) {
    if (scan.files.has(claim.file)) {
      if (claim.absent?.what === 'File' || claim.elsewhere !== undefined) back.add(claim.file);
      if (claim.absent?.what === 'File') claim.absent = undefined;
      claim.elsewhere = undefined;
      claim.seenIn = scan.identity;
      claim.device = scan.devices.get(dirname(claim.file));
      continue;
    }
    if (isHidden(dir, claim.file, scan.unreadable)) continue;
    claim.elsewhere = otherPlace(dir, claim, scan);
    if (claim.elsewhere !== undefined) claim.absent = undefined;
    else if (claim.absent?.what !== 'File') claim.absent = { since: now, what: 'File' };
  }
  return back;
}

/** Nothing can be said about the folder: absences are timed anew when it is back. */
export function noteAway(claims: Iterable<Claim>, now: number): void {
  for (const claim of claims) {
    claim.absent = claim.absent?.what === 'Document' ? { since: now, what: 'Document' } : undefined;
  }
}

/** `base`: that of the verdict before. */
export function judgeAbsence(dir: string, claims: Iterable<Claim>, base: number | undefined, now: number): Verdict {
  const owning = new Set<string>();
  const missing = new Set<string>();
  const absent: Claim[] = [];
  const suspects = new Map<Claim, string>();
  for (const claim of claims) {
    if (!claim.inHome) continue;
    owning.add(claim.file);
    if (claim.elsewhere !== undefined) suspects.set(claim, claim.elsewhere);
    if (claim.elsewhere !== undefined || claim.absent?.what === 'File') missing.add(claim.file);
    if (claim.absent !== undefined) absent.push(claim);
  }
  // Files that came since do not make a loss smaller, so it is measured against what there was when it began.
  const before = missing.size === 0 ? undefined : (base ?? owning.size);
  const many = missing.size >= MIN_SUSPECT_FILES && missing.size * 2 > (before ?? 0);
  const due: Claim[] = [];
  let nextMs: number | undefined;
  for (const claim of absent) {
    const left = FOLDER_GRACE_MS - (now - (claim.absent?.since ?? now));
    if (left > 0) nextMs = Math.min(nextMs ?? left, left);
    else if (many && claim.absent?.what === 'File')
      suspects.set(claim, manyGone(dir, missing.size, before ?? 0, claim));
    else due.push(claim);
  }
  return { due, suspects, base: before, nextMs };
}

function manyGone(dir: string, missing: number, before: number, claim: Claim): string {
  return (
    `${claim.file} is gone, as are ${missing} of ${before} files of ${dir} at once; nothing is deleted until they are ` +
    `back or fewer are missing. If it was meant: fixpoint delete ${claim.ref.name} -n ${claim.ref.namespace}`
  );
}

function otherPlace(dir: string, claim: Claim, scan: FolderScan): string | undefined {
  const meant = `If it was meant: fixpoint delete ${claim.ref.name} -n ${claim.ref.namespace}`;
  if (claim.seenIn !== undefined && !sameFolder(claim.seenIn, scan.identity)) {
    return `${claim.file} is gone, and ${dir} is not the folder that held it: nothing is deleted. ${meant}`;
  }
  if (claim.device === undefined) return undefined;
  for (let at = dirname(claim.file); at.length >= dir.length; at = dirname(at)) {
    const device = scan.devices.get(at);
    if (device !== undefined) {
      if (device === claim.device) return undefined;
      return `${claim.file} is gone, and ${at} is not on the file system that held it: nothing is deleted. ${meant}`;
    }
    if (at === dir) break;
  }
  return undefined;
}

function isHidden(dir: string, file: string, unreadable: ReadonlySet<string>): boolean {
  if (unreadable.size === 0) return false;
  for (let at = file; at.length > dir.length; at = dirname(at)) {
    if (unreadable.has(at)) return true;
  }
  return false;
}
