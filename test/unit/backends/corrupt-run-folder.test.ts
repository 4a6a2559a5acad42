import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Launch } from '../../../src/backends/backend.ts';
import { AttemptStates } from '../../../src/backends/process/attempt-state.ts';
import { DigestsLog } from '../../../src/backends/process/digests-log.ts';
import { claimText, posixCksum } from '../../../src/backends/process/exit-record.ts';
import { hostIdentity, readProcessStat } from '../../../src/backends/process/host-identity.ts';
import { remainsOf } from '../../../src/backends/process/processes.ts';
import { makeRunFolder, readGpus } from '../../../src/backends/process/run-folder.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { launchOf } from '../../contract/backend-rig.ts';
import { until } from '../../rig/eventually.ts';
import { isAlive } from '../../rig/processes.ts';
import { seededRandom } from '../../rig/random.ts';
import { flipped } from '../../rig/written-ledger.ts';

// Every byte of the small files that attempts live by may change, and each may end anywhere. A record that was damaged is
// no record; and whatever a claim says, nobody is told that an attempt is over while something of it runs.

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-run-folder-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** Pauses are over at once. */
const CLOCK: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after: (_, run) => {
    const soon = setImmediate(run);
    return () => clearImmediate(soon);
  },
};

const allBits = (bytes: Buffer): number[] => Array.from({ length: bytes.length * 8 }, (_, bit) => bit);
const allCuts = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, at) => at);
const flip = (bytes: Buffer, bit: number): Buffer => flipped(Buffer.from(bytes), bit);

describe.each([
  { sum: 'a cksum', sumOf: (bytes: Buffer) => String(posixCksum(bytes)) },
  { sum: 'SHA-256', sumOf: (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}` },
])('an exit record with $sum', ({ sumOf }) => {
  const TOKEN = 'abcdefgh';
  const body =
    `{"version":1,"token":"${TOKEN}","verdict":"Exited","code":0,"problem":"","up0":10.5,"up1":12.25,"cpuTicks":7,` +
    `"outputs":[{"name":"o","digest":"sha256:${'a'.repeat(64)}"}]`;
  const record = Buffer.from(`${body},"sum":"${sumOf(Buffer.from(`${body}\n`))}"}\n`);

  const stateWith = async (bytes: Buffer): Promise<string> => {
    const folder = join(dir, 'exit');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'exit.json'), bytes);
    return (await new AttemptStates(CLOCK, dir).read(folder, TOKEN)).state;
  };

  it('counts while it is whole', async () => {
    expect(await stateWith(record)).toBe('Ended');
  });

  it('does not, whichever bit of it has changed', async () => {
    for (const bit of allBits(record)) expect(await stateWith(flip(record, bit)), `bit ${bit}`).toBe('Unclaimed');
  });

  it('does not, wherever it ends', async () => {
    for (const at of allCuts(record)) expect(await stateWith(record.subarray(0, at)), `byte ${at}`).toBe('Unclaimed');
  });
});

describe('a claim', () => {
  const TOKEN = 'abcdefgh';

  /** A runtime that lives and has a command, as far as anybody can see from outside. */
  class Attempt {
    readonly folder: string;
    #runtime: ChildProcess | undefined;
    #started: number[] = [];

    constructor(name: string) {
      this.folder = join(dir, name);
      mkdirSync(this.folder, { recursive: true });
    }

    /** Its claim, whole. */
    async start(): Promise<Buffer> {
      const script = join(this.folder, 'attempt.sh');
      writeFileSync(script, 'FIXPOINT_ATTEMPT_DIR=$1 setsid sleep 1000 & echo $!; wait\n');
      const runtime = spawn('/bin/sh', [script, this.folder, TOKEN], { stdio: ['ignore', 'pipe', 'ignore'] });
      this.#runtime = runtime;
      const command = await new Promise<number>((said) => runtime.stdout.once('data', (text) => said(Number(text))));
      this.#started = [runtime.pid as number, command];
      const { host, bootId, pidNamespace } = hostIdentity();
      const start = readProcessStat(runtime.pid as number)?.startTicks;
      const pid = runtime.pid as number;
      return Buffer.from(
        claimText({ token: TOKEN, host, boot: bootId, pidns: pidNamespace, pid, start: start as number }),
      );
    }

    get lives(): boolean {
      return this.#started.some(isAlive);
    }

    async killRuntime(): Promise<void> {
      this.#runtime?.kill('SIGKILL');
      await until('the runtime is gone', () => !isAlive(this.#started[0] as number));
    }

    async dispose(): Promise<void> {
      for (const pid of this.#started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await until('all is gone', () => !this.lives);
    }
  }

  /** Over, for whoever asks, although something of it runs: the next attempt would run beside it. */
  async function toldWrong(attempt: Attempt, spoilt: Buffer): Promise<string | undefined> {
    writeFileSync(join(attempt.folder, 'claim'), spoilt);
    const { state, ...more } = await new AttemptStates(CLOCK, dir).read(attempt.folder, TOKEN);
    return state === 'Gone' && attempt.lives ? JSON.stringify(more) : undefined;
  }

  const both = (whole: Buffer): Buffer[] => [
    ...allBits(whole).map((bit) => flip(whole, bit)),
    ...allCuts(whole).map((at) => whole.subarray(0, at)),
  ];

  it.each([
    { what: 'its runtime and its command live', kill: false },
    { what: 'its command outlived its runtime', kill: true },
  ])('however it was damaged, nothing is over while it runs: $what', { timeout: 120_000 }, async ({ kill }) => {
    const attempt = new Attempt(`claim-${kill}`);
    const step = Number(process.env['FIXPOINT_FLIPS'] ?? 0) > 10_000 ? 1 : kill ? 61 : 11;
    try {
      let whole = await attempt.start();
      if (kill) await attempt.killRuntime();
      const spoils = both(whole).length;
      for (let i = 0; i < spoils; i += step) {
        if (kill && !attempt.lives) {
          whole = await attempt.start();
          await attempt.killRuntime();
        }
        const spoilt = both(whole)[i] ?? whole;
        const context = `spoilt to ${JSON.stringify(spoilt.toString('latin1'))}`;
        expect(await toldWrong(attempt, spoilt), context).toBeUndefined();
        // What is healthy is left alone.
        if (!kill) expect(attempt.lives, context).toBe(true);
      }
    } finally {
      await attempt.dispose();
    }
  });
});

describe('a run folder that waits for its turn', () => {
  const RUNTIME = fileURLToPath(new URL('../../../src/backends/runtime/attempt.sh', import.meta.url));
  const SESSION_STEP = Number(process.env['FIXPOINT_FLIPS'] ?? 0) > 10_000 ? 1 : 7;
  const FLIPS = Number(process.env['FIXPOINT_FLIPS'] ?? 0) > 10_000 ? 2_000 : 12;

  const made = async (name: string, mode = 0o644): Promise<string> => {
    const folder = join(dir, name);
    const launch: Launch = {
      ...launchOf(dir, folder, 'abcdefgh', `touch '${folder}.ran'`, {}),
      inputs: [{ name: 'i', paths: ['/a/b'] }],
      files: [{ name: 'f', path: undefined, content: 'a file of the document', mode }],
    };
    expect(await makeRunFolder(launch, { oomKills: 0, gpuIds: '0,1' })).toEqual({ ok: true });
    return folder;
  };
  const run = (folder: string): number | null =>
    spawnSync('/bin/sh', [RUNTIME, folder, 'abcdefgh', 'host', 'boot', 'pidns'], { stdio: 'ignore' }).status;

  it('runs while it is whole', async () => {
    const folder = await made('1-whole');
    expect(run(folder)).toBe(0);
    expect(existsSync(`${folder}.ran`)).toBe(true);
  });

  it('runs with a file of the document that its owner may not read', async () => {
    const folder = await made('1-unreadable', 0o200);
    expect(run(folder)).toBe(0);
    expect(readFileSync(`${folder}/sums`, 'utf8')).not.toContain('files/f');
  });

  it.each(['launch', 'script', 'inputs/i', 'files/f', 'metadata.json', 'gpus'])(
    'a bit of %s turned, or its end gone: nobody claims it, and nothing runs',
    async (name) => {
      const random = seededRandom(3);
      for (let i = 0; i < FLIPS; i++) {
        const folder = await made(`${i}-${name.replace('/', '-')}`);
        const path = join(folder, name);
        const whole = readFileSync(path);
        const at = Math.floor(random() * whole.length * 8);
        writeFileSync(path, i % 4 === 3 ? whole.subarray(0, at / 8) : flip(whole, at));
        expect(run(folder), `bit ${at}`).toBe(98);
        expect(existsSync(`${folder}/claim`) || existsSync(`${folder}.ran`)).toBe(false);
      }
    },
  );

  it('of GPUs whose list was damaged none is given away', async () => {
    const folder = await made('1-gpus');
    const path = join(folder, 'gpus');
    const whole = readFileSync(path);
    for (const bytes of [...allBits(whole).map((bit) => flip(whole, bit)), whole.subarray(0, whole.length / 2)]) {
      writeFileSync(path, bytes);
      expect(await readGpus(folder)).toEqual(expect.arrayContaining([0, 1]));
    }
  });

  it('a command that cleaned its environment is found by its session, of which one line was damaged', async () => {
    const folder = await made('1-session');
    const command = spawn('/bin/sleep', ['1000'], { env: {}, detached: true, stdio: 'ignore' });
    try {
      const pid = command.pid as number;
      await until('it has a session', () => readProcessStat(pid)?.session === pid);
      const line = `${pid} ${readProcessStat(pid)?.startTicks}\n`;
      const whole = Buffer.from(line + line);
      for (const bit of allBits(whole).filter((each) => each % SESSION_STEP === 0)) {
        writeFileSync(join(folder, 'session'), flip(whole, bit));
        expect(await remainsOf(folder), `bit ${bit}`).toEqual([pid]);
      }
    } finally {
      command.kill('SIGKILL');
    }
  });
});

describe('the file of digests', () => {
  const line = (i: number): string => `${i}:${i * 7}:100:1600000000:1600000001`;
  const digest = (i: number): string => String(i % 10).repeat(64);

  it('never says what was not written into it', async () => {
    const path = join(dir, 'digests');
    const log = new DigestsLog({ path, writable: true });
    const written = new Map(Array.from({ length: 4 }, (_, i) => [line(i), digest(i)]));
    const lines = [...written].map(([key, value]) => `${key} ${value}`);
    await log.append(lines, lines.length, () => lines);
    const read = async (): Promise<Map<string, string>> => {
      const found = new Map<string, string>();
      await new DigestsLog({ path, writable: false }).read(({ dev, ino, size, mtimeNs, ctimeNs }, value) =>
        found.set(`${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, value),
      );
      return found;
    };
    expect(await read()).toEqual(written);
    const whole = readFileSync(path);
    const spoilt = [
      ...allBits(whole)
        .filter((bit) => bit % 3 === 0)
        .map((bit) => flip(whole, bit)),
      ...allCuts(whole).map((at) => whole.subarray(0, at)),
    ];
    for (const bytes of spoilt) {
      writeFileSync(path, bytes);
      for (const [key, value] of await read()) expect(value, key).toBe(written.get(key));
    }
  });
});
