import { resolve, sep } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { FOLDER_AWAY_MS, FOLDER_RESCAN_MS, HALF_WRITTEN_MS, MAX_FILES_AT_ONCE } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import { SOURCE_ANNOTATION, SOURCE_INODE_ANNOTATION, type SourceHome } from '../source.ts';
import { judgeAbsence, noteAway, notePresence } from './absence.ts';
import { type Claim, Claims } from './claims.ts';
import { deleteClaimed } from './deletion.ts';
import { FileApplier } from './file-applier.ts';
import { FileStates, isUnchanged } from './file-state.ts';
import { type FolderIdentity, type FolderScan, sameFolder, scanFolder } from './scan-folder.ts';
import { type FolderWatch, watchFolder } from './watch-folder.ts';
import { WorkQueue } from './work-queue.ts';

// A watched folder as a source: `*.yaml`, `*.yml` and `*.json` in it and its subfolders, without dot files and dot
// folders. It is only an applier, and level-triggered: an event says where to look, never what to do, and the whole
// folder is gone through now and then, so that a lost event costs seconds and nothing else.
//
// | what is seen | what follows |
// |---|---|
// | content that was not judged yet | every workflow in it is applied |
// | content with an error, or refused | the last good generation stays, the problem is reported and tried again |
// | a file, or a document of a file, gone for the grace | its workflows are deleted |
// | gone with most others, or with the folder or file system that held it | held and reported (`SourceSuspect`) |
// | the folder away or unreadable | nothing, until it is back |

export interface FolderSource {
  close(): Promise<void>;
  /** Resolves when what was seen so far has been applied; what waits for the clock is not waited for. */
  settled(): Promise<void>;
}

export interface FolderSourceOptions {
  readonly dir: string;
  readonly home: SourceHome;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The folder may be away: it is waited for. Rejects if the home cannot list what it has. */
export async function startFolderSource(options: FolderSourceOptions): Promise<FolderSource> {
  const source = new WatchedFolder(options);
  await source.start();
  return source;
}

/** Share of the time that going through the folder may take: a huge or slow one is gone through less often. */
const SCAN_SHARE = 1 / 20;

class WatchedFolder implements FolderSource {
  readonly #dir: string;
  readonly #home: SourceHome;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #claims = new Claims();
  readonly #states = new FileStates();
  readonly #queue: WorkQueue;
  readonly #applier: FileApplier;
  /** Files to look at once more: of changes close together only the first is told. */
  readonly #echoes = new Map<string, () => void>();
  readonly #said = new Set<string>();
  #identity: FolderIdentity | undefined;
  #watch: FolderWatch | undefined;
  #watchReady = false;
  #away = false;
  #base: number | undefined;
  #scanWanted = false;
  /** The pass that is wanted is a routine one: whatever it finds new, the watch has not told. */
  #routine = false;
  #scanning: Promise<void> | undefined;
  #cancelTick: (() => void) | undefined;
  #cancelDue: (() => void) | undefined;
  #closed = false;

  constructor(options: FolderSourceOptions) {
    this.#dir = resolve(options.dir);
    this.#home = options.home;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#queue = new WorkQueue(MAX_FILES_AT_ONCE, (file) => this.#look(file));
    this.#applier = new FileApplier({
      home: options.home,
      clock: options.clock,
      logger: options.logger,
      claims: this.#claims,
      states: this.#states,
      identity: () => this.#identity,
      look: (file) => this.#queue.add(file),
      scan: () => this.#scanSoon(),
    });
  }

  /** What an earlier process applied from here is ours, so that what went meanwhile is missed. */
  async start(): Promise<void> {
    const inside = this.#dir.endsWith(sep) ? this.#dir : this.#dir + sep;
    for (const { metadata } of (await this.#home.list()).items) {
      const file = metadata.annotations?.[SOURCE_ANNOTATION];
      if (!file?.startsWith(inside) || metadata.deletionTimestamp !== undefined) continue;
      const inode = metadata.annotations?.[SOURCE_INODE_ANNOTATION];
      const ref = { namespace: metadata.namespace, name: metadata.name };
      const claim = this.#claims.take(ref, file, inode === undefined ? undefined : { inode });
      claim.inHome = true;
      claim.stampedFile = file;
    }
    this.#scanSoon();
  }

  async settled(): Promise<void> {
    while (!this.#closed && (this.#scanning !== undefined || this.#queue.busy || this.#isOpening())) {
      await Promise.all([this.#scanning, this.#queue.idle(), this.#isOpening() ? this.#watch?.ready : undefined]);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    this.#cancelDue?.();
    for (const cancel of this.#echoes.values()) cancel();
    this.#states.close();
    await this.#watch?.close();
    await Promise.all([this.#queue.close(), this.#scanning]);
    // A pass over the folder that was under way may have opened another.
    await this.#watch?.close();
  }

  #isOpening(): boolean {
    return this.#watch !== undefined && !this.#watchReady;
  }

  async #look(file: string): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#applier.look(file);
    } catch (error) {
      this.#logger.error({ file, error }, 'a file of the watched folder could not be handled, will be tried again');
      const state = this.#states.of(file);
      state.again = true;
      state.signatureSure = false;
    }
  }

  #scanSoon(): void {
    this.#scanWanted = true;
    this.#scanning ??= this.#scanWhileWanted();
  }

  async #scanWhileWanted(): Promise<void> {
    while (this.#scanWanted && !this.#closed) {
      this.#scanWanted = false;
      const quiet = this.#routine && !this.#queue.busy;
      this.#routine = false;
      const began = this.#clock.monotonic();
      const scan = await scanFolder(this.#dir);
      if (this.#closed) break;
      try {
        if ('problem' in scan) await this.#wentAway(scan.problem);
        else await this.#goThrough(scan, quiet);
      } catch (error) {
        this.#logger.error({ dir: this.#dir, error }, 'the watched folder could not be handled, will be tried again');
      }
      this.#tickAfter(this.#clock.monotonic() - began);
    }
    this.#scanning = undefined;
  }

  #tickAfter(took: number): void {
    this.#cancelTick?.();
    if (this.#closed) return;
    const delay = this.#away ? FOLDER_AWAY_MS : Math.max(FOLDER_RESCAN_MS, took / SCAN_SHARE);
    this.#cancelTick = this.#clock.after(delay, () => {
      this.#routine = true;
      this.#scanSoon();
    });
  }

  async #wentAway(problem: string): Promise<void> {
    if (!this.#away) this.#logger.warn({ dir: this.#dir, problem }, 'the watched folder is away; what runs goes on');
    this.#away = true;
    noteAway(this.#claims.all(), this.#clock.monotonic());
    await this.#unwatch();
  }

  async #goThrough(scan: FolderScan, quiet: boolean): Promise<void> {
    const known = this.#identity;
    this.#identity = scan.identity;
    if (this.#away) this.#logger.info({ dir: this.#dir }, 'the watched folder is back');
    this.#away = false;
    for (const path of scan.unnameable) this.#sayOnce(path, 'its name is not UTF-8, so it is passed over; rename it');
    const untold = this.#findChanged(scan);
    if (known === undefined || !sameFolder(known, scan.identity)) await this.#unwatch();
    else if (untold && quiet && this.#watchReady) {
      // Events of that change may be on their way; if not, the watch is deaf, and a new one may not be.
      await this.#unwatch();
    }
    this.#watchAgain();
    for (const file of notePresence(this.#dir, this.#claims.all(), scan, this.#clock.monotonic())) {
      this.#states.of(file).again = true;
      this.#queue.add(file);
    }
    await this.#settleAbsences();
    this.#forgetGone(scan);
  }

  /** Has files looked at that are new or may have changed; true: some did that the watch had not told of. */
  #findChanged(scan: FolderScan): boolean {
    let untold = false;
    for (const [file, signature] of scan.files) {
      const state = this.#states.find(file);
      const restamp = this.#claims
        .ofFile(file)
        .some((claim) => claim.seenIn !== undefined && claim.seenIn.inode !== scan.identity.inode);
      if (restamp) this.#states.of(file).again = true;
      else if (isUnchanged(state, signature)) continue;
      const seen = state === undefined ? 'never' : state.signature;
      if (seen !== undefined && seen !== signature && !this.#echoes.has(file)) untold = true;
      this.#queue.add(file);
    }
    return untold;
  }

  async #settleAbsences(): Promise<void> {
    const verdict = judgeAbsence(this.#dir, this.#claims.all(), this.#base, this.#clock.monotonic());
    this.#base = verdict.base;
    for (const claim of this.#claims.all()) {
      if (claim.absent !== undefined) this.#applier.wake(claim.key);
      await this.#tellSuspect(claim, verdict.suspects.get(claim));
    }
    for (const claim of verdict.due) await this.#delete(claim);
    this.#cancelDue?.();
    this.#cancelDue = undefined;
    if (verdict.nextMs !== undefined) this.#cancelDue = this.#clock.after(verdict.nextMs, () => this.#scanSoon());
  }

  async #tellSuspect(claim: Claim, message: string | undefined): Promise<void> {
    if (claim.suspect === message) return;
    claim.suspect = message;
    const fields = { file: claim.file, workflow: claim.ref.name, namespace: claim.ref.namespace };
    if (message === undefined) this.#logger.info(fields, 'its absence is settled');
    else this.#logger.warn({ ...fields, reason: 'SourceSuspect', problem: message }, 'its file is gone; held');
    await this.#home.reportSuspect?.(claim.ref, message);
  }

  async #delete(claim: Claim): Promise<void> {
    if (this.#closed || claim.absent === undefined) return;
    claim.deleting = true;
    const done = await deleteClaimed(this.#home, this.#logger, claim).finally(() => {
      claim.deleting = false;
    });
    if (done) this.#applier.release(claim);
    else this.#applier.wake(claim.key);
  }

  /** A file that comes back after its workflows were deleted is new. */
  #forgetGone(scan: FolderScan): void {
    for (const file of this.#states.paths()) {
      if (!scan.files.has(file) && this.#claims.ofFile(file).length === 0) this.#states.forget(file);
    }
  }

  #watchAgain(): void {
    if (this.#watch !== undefined || this.#closed) return;
    const opened = watchFolder(this.#dir, {
      onFile: (file) => this.#changed(file),
      onTree: () => this.#scanSoon(),
      onLost: () => void this.#unwatch(),
      onError: (error) =>
        this.#sayOnce(String((error as Error).message), 'watching is incomplete; changes are seen late'),
    });
    this.#watch = opened;
    this.#watchReady = false;
    // What changed while the watch was being set up is found by one more pass.
    void opened.ready.then(() => {
      if (this.#watch !== opened || this.#closed) return;
      this.#watchReady = true;
      this.#scanSoon();
    });
  }

  async #unwatch(): Promise<void> {
    const watch = this.#watch;
    this.#watch = undefined;
    this.#watchReady = false;
    await watch?.close();
  }

  #changed(file: string): void {
    this.#queue.add(file);
    this.#echoes.get(file)?.();
    const cancel = this.#clock.after(HALF_WRITTEN_MS, () => {
      this.#echoes.delete(file);
      this.#queue.add(file);
    });
    this.#echoes.set(file, cancel);
  }

  #sayOnce(about: string, message: string): void {
    if (this.#said.has(about)) return;
    this.#said.add(about);
    this.#logger.warn({ dir: this.#dir, about }, message);
  }
}
