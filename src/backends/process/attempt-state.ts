import { existsSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import type { Json } from '../../base/json.ts';
import { endSession } from './end-session.ts';
import type { Claim, ExitRecord } from './exit-record.ts';
import { hostIdentity, isAlive, type ProcessHandle } from './host-identity.ts';
import { runtimesOf } from './processes.ts';
import { claimTime, readClaim, readExit } from './run-folder.ts';

/**
 * What a run folder, and the process that claimed it, say of an attempt.
 *
 * | folder | the claim's process | state |
 * |---|---|---|
 * | no claim | | Queued if handed over by us, else Absent |
 * | exit record whole | | Ended |
 * | claim | alive | Running |
 * | claim of nobody (withdrawn) | | Gone |
 * | claim | gone, same host and boot | what is left of it is ended, then Gone |
 * | claim | same host, rebooted since | the same: a boot that was misread must not start a second one |
 * | claim | another host or pid namespace | Unknown |
 * | claim made, not whole | no fork of a runtime for this folder | what is left of it is ended, then Gone |
 * | cannot be read | | Unknown |
 * | folder gone, the handle is known | as by its claim | as by its claim |
 */
export type AttemptState =
  | { readonly state: 'Unclaimed' }
  | { readonly state: 'Running'; readonly startTime: number; readonly handle: Json; readonly directory: string }
  | { readonly state: 'Ended'; readonly record: ExitRecord }
  | { readonly state: 'Gone'; readonly claimed: boolean; readonly message: string }
  | { readonly state: 'Unknown'; readonly message: string };

/** A record may appear a moment after its process has gone. */
const RECORD_GRACE_MS = 500;

export class AttemptStates {
  readonly #clock: Clock;
  readonly #runsDir: string;

  constructor(clock: Clock, runsDir: string) {
    this.#clock = clock;
    this.#runsDir = runsDir;
  }

  async read(directory: string, token: string): Promise<AttemptState> {
    const exit = await readExit(directory, token);
    if (exit.kind === 'There') return { state: 'Ended', record: exit.value };
    const claim = await readClaim(directory);
    if (claim.kind === 'Absent') return { state: 'Unclaimed' };
    if (claim.kind === 'Torn') return this.#torn(token, directory);
    const unreadable = claim.kind === 'Unreadable' ? claim : exit;
    if (unreadable.kind === 'Unreadable') return { state: 'Unknown', message: unreadable.message };
    return claim.kind === 'There' ? this.#claimed(token, directory, claim.value) : { state: 'Unclaimed' };
  }

  async #claimed(token: string, directory: string, claim: Claim): Promise<AttemptState> {
    const handle = fromClaim(claim);
    if (claim.pid === 0) return { state: 'Gone', claimed: false, message: 'withdrawn before it started' };
    const here = hostIdentity();
    if (handle.bootId !== here.bootId)
      return handle.host === here.host
        ? this.#ofOtherBoot(token, directory)
        : { state: 'Unknown', message: `it was started on ${handle.host}` };
    if (handle.pidNamespace !== here.pidNamespace)
      return { state: 'Unknown', message: 'it was started in another pid namespace of this host' };
    if (isAlive(handle)) {
      const startTime = (await claimTime(directory)) ?? 0;
      return { state: 'Running', startTime, handle: handle as unknown as Json, directory };
    }
    return this.#leftBehind(token, directory);
  }

  /** Nothing of an earlier boot can be left: what is there belongs to a claim whose bytes have changed. */
  async #ofOtherBoot(token: string, directory: string): Promise<AttemptState> {
    if ((await runtimesOf(directory)).length > 0)
      return { state: 'Unknown', message: 'its claim names another boot, and its runtime lives' };
    return this.#leftBehind(token, directory, 'the machine was started again since');
  }

  /**
   * Whoever made the claim is about to write into it, or died in between: then nothing was started, and nothing will. Or
   * its bytes were damaged later: then what was started may live.
   */
  async #torn(token: string, directory: string): Promise<AttemptState> {
    await pause(this.#clock, RECORD_GRACE_MS);
    const again = await readClaim(directory);
    if (again.kind === 'There') return this.#claimed(token, directory, again.value);
    if (again.kind === 'Unreadable') return { state: 'Unknown', message: again.message };
    if ((await runtimesOf(directory)).length > 0) return { state: 'Unclaimed' };
    return this.#leftBehind(token, directory, 'it died while it claimed its run folder');
  }

  /** The runtime is gone and left no record: what it started is ended, and confirmed gone, before anything else. */
  async #leftBehind(
    token: string,
    directory: string,
    message = 'its supervising process was killed',
  ): Promise<AttemptState> {
    await pause(this.#clock, RECORD_GRACE_MS);
    const exit = await readExit(directory, token);
    if (exit.kind === 'There') return { state: 'Ended', record: exit.value };
    if (exit.kind === 'Unreadable') return { state: 'Unknown', message: exit.message };
    const stuck = await endSession(this.#clock, directory);
    if (stuck.length > 0)
      return { state: 'Unknown', message: `its processes do not end: ${stuck.slice(0, 5).join(', ')}` };
    return { state: 'Gone', claimed: true, message };
  }

  /** It was seen running and its folder is gone: what is left of it has nowhere to report to. */
  async withoutFolder(directory: string, token: string, handle: ProcessHandle): Promise<AttemptState> {
    // The folder of all runs is gone as well: more likely a file system that is not mounted.
    if (!existsSync(this.#runsDir)) return { state: 'Unknown', message: `${this.#runsDir} is not there` };
    return this.#claimed(token, directory, {
      token,
      host: handle.host,
      boot: handle.bootId,
      pidns: handle.pidNamespace,
      pid: handle.pid,
      start: handle.startTicks,
    });
  }
}

export function fromClaim(claim: Claim): ProcessHandle {
  return { host: claim.host, bootId: claim.boot, pidNamespace: claim.pidns, pid: claim.pid, startTicks: claim.start };
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
