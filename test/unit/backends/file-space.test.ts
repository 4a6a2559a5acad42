import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenForDigest, openForDigest } from '../../../src/backends/process/file-digest.ts';
import { HostFiles } from '../../../src/backends/process/file-space.ts';
import { type Look, lookId } from '../../../src/planning/facts.ts';

let dir: string;
let files: HostFiles;

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'fixpoint-files-')));
  files = new HostFiles(clock);
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

const at = (...names: string[]): string => join(dir, ...names);

async function fact(path: string, part: Partial<Look> = {}, space = files): Promise<string> {
  const look: Look = { path, fingerprint: 'Content', glob: false, ...part };
  return (await space.look([look])).get(lookId(look)) as string;
}

/** Files whose contents cannot be read, for this reason. */
function failing(code: string, which: (path: string) => boolean): HostFiles {
  const open: OpenForDigest = async (path) => {
    if (which(String(path))) throw Object.assign(new Error(code), { code });
    return openForDigest(path);
  };
  return new HostFiles(clock, { open });
}

describe('unknown is not absent', () => {
  it('only what is not there is absent', async () => {
    writeFileSync(at('file'), '');
    expect(await fact(at('none'))).toBe('absent');
    expect(await fact(at('none', 'below'))).toBe('absent');
    expect(await fact(at('file', 'below'))).toBe('absent');
    symlinkSync('none', at('dangling'));
    expect(await fact(at('dangling'))).toBe('absent');
  });

  it('any other error says which', async () => {
    symlinkSync('loop', at('loop'));
    expect(await fact(at('loop'))).toBe('unreadable:ELOOP');
    expect(await fact(at('loop'), { fingerprint: 'Stat' })).toBe('unreadable:ELOOP');
    expect(await fact(at('x'.repeat(300)))).toBe('unreadable:ENAMETOOLONG');
    expect(await fact(at('nul\0'))).toBe('unreadable:ERR_INVALID_ARG_VALUE');
    writeFileSync(at('file'), 'text');
    for (const code of ['EIO', 'EACCES', 'ESTALE'])
      expect(
        await fact(
          at('file'),
          {},
          failing(code, () => true),
        ),
      ).toBe(`unreadable:${code}`);
  });

  it('one file of a directory or pattern makes all of it unreadable; one that goes away meanwhile is no part of it', async () => {
    mkdirSync(at('d'));
    writeFileSync(at('d', 'a'), 'a');
    const alone = await fact(at('d'));
    writeFileSync(at('d', 'b'), 'b');
    const stale = failing('ESTALE', (path) => path.endsWith('/b'));
    expect(await fact(at('d'), {}, stale)).toBe('unreadable:ESTALE');
    expect(await fact(at('d', '*'), { glob: true }, stale)).toBe('unreadable:ESTALE');
    expect(
      await fact(
        at('d'),
        {},
        failing('ENOENT', (path) => path.endsWith('/b')),
      ),
    ).toBe(alone);
  });

  it('a folder that a pattern cannot look into', async () => {
    symlinkSync('loop', at('loop'));
    expect(await fact(at('loop', '*'), { glob: true })).toBe('unreadable:ELOOP');
    expect(await fact(at('none', '*'), { glob: true })).toBe('absent');
  });

  it('a pipe, socket or device is never opened', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    mkdirSync(at('d'));
    renameSync(at('pipe'), at('d', 'pipe'));
    const untouched = failing('EIO', () => true);
    expect(await fact(at('d', 'pipe'), {}, untouched)).toBe('unreadable:NOTAFILE');
    expect(await fact(at('d', 'pipe'), { fingerprint: 'Stat' }, untouched)).toBe('unreadable:NOTAFILE');
    expect(await fact('/dev/zero', {}, untouched)).toBe('unreadable:NOTAFILE');
    // In a directory only regular files count, as for the runtime.
    expect(await fact(at('d'), {}, untouched)).toBe(`dir:${sha256('')}`);
  });

  it('a pipe that takes the name of a file between the two looks does not block', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    writeFileSync(at('file'), 'text');
    const swapped = new HostFiles(clock, { open: () => openForDigest(at('pipe')) });
    expect(await fact(at('file'), {}, swapped)).toBe('unreadable:NOTAFILE');
  });

  it('a size that nobody can tell is 0', () => {
    writeFileSync(at('file'), 'text');
    symlinkSync('loop', at('loop'));
    expect(files.size(at('file'))).toBe(4);
    for (const path of ['none', 'file/below', 'loop', 'x'.repeat(300), 'nul\0']) expect(files.size(at(path))).toBe(0);
  });
});

describe('digests', () => {
  it('of a directory are those of the programs that the runtime uses, for names in any encoding', async () => {
    mkdirSync(at('d', 'sub'), { recursive: true });
    mkdirSync(at('d.c'));
    for (const name of ['a', 'sub/ä', 'sub.x', 'back\\slash', 'line\nbreak', 'Z']) writeFileSync(at('d', name), name);
    writeFileSync(Buffer.concat([Buffer.from(at('d', 'latin-')), Buffer.from([0xe4, 0xff])]), 'not UTF-8');
    symlinkSync('a', at('d', 'link'));
    const find = 'find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum -- | sha256sum';
    const content = execFileSync('sh', ['-c', find], { cwd: at('d'), encoding: 'utf8' }).slice(0, 64);
    expect(await fact(at('d'))).toBe(`dir:${content}`);
    const stat = "find . -type f -printf '%p\\t%s\\t%T@\\n' | LC_ALL=C sort | sha256sum";
    const times = execFileSync('sh', ['-c', stat], { cwd: at('d'), encoding: 'utf8' }).slice(0, 64);
    expect(await fact(at('d'), { fingerprint: 'Stat' })).toBe(`dirstat:${times}`);
  });

  it('contents are read once, also by the next process', async () => {
    const LATER_MS = 5_000;
    const paths = Array.from({ length: 200 }, (_, i) => at(`f${i}`));
    for (const path of paths) writeFileSync(path, Buffer.alloc(1 << 20, path));
    const looks = paths.map((path): Look => ({ path, fingerprint: 'Content', glob: false }));
    let opened = 0;
    const counting: OpenForDigest = (path) => {
      opened++;
      return openForDigest(path);
    };
    // Both clocks later than the files, as they are when somebody comes back.
    let passed = 0;
    const later = { now: () => Date.now() + passed, monotonic: () => performance.now() + passed };
    const digests = { path: at('digests'), writable: true };
    const first = new HostFiles(later, { digests, open: counting });
    await first.look(looks);
    expect(opened).toBe(200);
    passed = LATER_MS;
    const facts = await first.look(looks);
    opened = 0;
    expect(await first.look(looks)).toEqual(facts);
    expect(await new HostFiles(later, { digests, open: counting }).look(looks)).toEqual(facts);
    expect(opened).toBe(0);
    expect(facts.get(`${paths[7]}`)).toBe(`sha256:${sha256(readFileSync(paths[7] as string))}`);
  });

  it('a rewrite of equal size with the old mtime is seen', async () => {
    let passed = 0;
    const later = { now: () => Date.now() + passed, monotonic: () => performance.now() + passed };
    const space = new HostFiles(later, { digests: { path: at('digests'), writable: true } });
    writeFileSync(at('file'), 'one');
    await fact(at('file'), {}, space);
    passed = 5_000;
    await fact(at('file'), {}, space);
    const before = statSync(at('file'), { bigint: true });
    const touch = `touch -d @${before.mtimeNs / 1_000_000_000n}.${String(before.mtimeNs % 1_000_000_000n).padStart(9, '0')} file`;
    // The kernel's clock ticks in milliseconds: until it has.
    do {
      writeFileSync(at('file'), 'two');
      execFileSync('sh', ['-c', touch], { cwd: dir });
    } while (statSync(at('file'), { bigint: true }).ctimeNs === before.ctimeNs);
    expect(statSync(at('file'), { bigint: true }).mtimeNs).toBe(before.mtimeNs);
    expect(await fact(at('file'), {}, space)).toBe(`sha256:${sha256('two')}`);
  });
});

describe('many files at once', () => {
  const MANY = 2_100;
  const paths = (): string[] => Array.from({ length: MANY }, (_, i) => at(`f${i}`));
  const looksAt = (all: readonly string[], fingerprint: Look['fingerprint'] = 'Content'): Look[] =>
    all.map((path) => ({ path, fingerprint, glob: false }));
  const lines = (): number =>
    (existsSync(at('digests')) ? readFileSync(at('digests'), 'latin1') : '').split(/\n+/).length;

  it.each([12, 150, MANY])('%i are what they are one by one, whatever is among them', async (count) => {
    const all = paths().slice(0, count);
    const last = at(`f${count - 1}`);
    for (const path of all.slice(8)) writeFileSync(path, path);
    mkdirSync(at('f1'));
    writeFileSync(at('f1', 'inside'), 'x');
    execFileSync('mkfifo', [at('f2')]);
    writeFileSync(at('f3'), Buffer.alloc(300_000, 'x'));
    symlinkSync(last, at('f4'));
    writeFileSync(at('f5'), '');
    symlinkSync('f6', at('f6'));
    for (const fingerprint of ['Content', 'Stat'] as const) {
      const looks = looksAt(all, fingerprint);
      await files.expect(looks);
      const facts = await files.look(looks);
      for (const look of looks.slice(0, 300))
        expect(facts.get(lookId(look)), look.path).toBe(await fact(look.path, { fingerprint }));
      if (fingerprint === 'Stat') continue;
      const seen = (path: string): string | undefined => facts.get(path);
      expect([at('f0'), at('f2'), at('f4'), at('f6'), last].map(seen)).toEqual([
        'absent',
        'unreadable:NOTAFILE',
        `sha256:${sha256(last)}`,
        'unreadable:ELOOP',
        `sha256:${sha256(last)}`,
      ]);
    }
  });

  it('what was read ahead is no answer where something was written since', async () => {
    const all = paths();
    for (const path of all) writeFileSync(path, 'one');
    const late = { now: () => Date.now() + 5_000, monotonic: () => performance.now() };
    writeFileSync(at('digests'), '');
    const space = new HostFiles(late, { digests: { path: at('digests'), writable: true } });
    await space.expect(looksAt(all));
    writeFileSync(at('f7'), 'two');
    rmSync(at('f8'));
    const facts = await space.look(looksAt(all));
    expect(facts.get(`${at('f7')}`)).toBe(`sha256:${sha256('two')}`);
    expect(facts.get(`${at('f8')}`)).toBe('absent');
    expect(facts.get(`${at('f9')}`)).toBe(`sha256:${sha256('one')}`);
  });

  it('are remembered when the clocks are past their times, and not before', async () => {
    const all = paths();
    const begin = Date.now();
    for (const path of all) writeFileSync(path, 'one');
    let passed = 0;
    // Ours stands still meanwhile: writing them may take longer than it must be past their times.
    const later = { now: () => begin + passed, monotonic: () => performance.now() + passed };
    const space = new HostFiles(later, { digests: { path: at('digests'), writable: true } });
    await space.expect(looksAt(all));
    await space.look(looksAt(all));
    expect(lines()).toBeLessThan(10);
    passed = 50_000;
    await space.expect(looksAt(all));
    await space.look(looksAt(all));
    expect(lines()).toBeGreaterThan(MANY);
  });
});

/** As the runtime stamps a pattern `FOLDER/*.txt`. */
function stamped(folder: string): string {
  const script = `fx_glob() { LC_ALL=C find -H "$1" -mindepth 1 -maxdepth 1 -regextype posix-extended ! -path '*\n*' -regex "$2" -prune \\( -xtype f -o -xtype d \\) -print; }
    fx_glob "$1" "$1/[^/.][^/]*\\.txt" | while IFS= read -r match; do
      sum=$(sha256sum < "$match"); printf '%s\\tsha256:%s\\n' "\${match#"$1"/}" "\${sum%% *}"
    done | LC_ALL=C sort | sha256sum`;
  return `glob:${execFileSync('sh', ['-c', script, 'sh', folder], { encoding: 'utf8' }).slice(0, 64)}`;
}

describe('what a pattern matches', () => {
  it('is what the runtime stamps: names in any encoding, links to files, nothing that is neither file nor folder', async () => {
    mkdirSync(at('d'));
    for (const name of ['a.txt', 'ä.txt', 'back\\slash.txt', 'Z.txt', '.hidden.txt', 'other'])
      writeFileSync(at('d', name), name);
    const odd = Buffer.concat([Buffer.from(at('d', 'latin-')), Buffer.from([0xe4, 0xff]), Buffer.from('.txt')]);
    writeFileSync(odd, 'not UTF-8');
    symlinkSync('other', at('d', 'link.txt'));
    symlinkSync('nothing', at('d', 'dangling.txt'));
    execFileSync('mkfifo', [at('d', 'pipe.txt')]);
    symlinkSync('pipe.txt', at('d', 'to-pipe.txt'));
    const seen = await fact(at('d', '*.txt'), { glob: true });
    expect(seen).toBe(stamped(at('d')));
    symlinkSync('d', at('linked'));
    expect(await fact(at('linked', '*.txt'), { glob: true })).toBe(seen);
    rmSync(odd);
    expect(await fact(at('d', '*.txt'), { glob: true })).not.toBe(seen);
    expect(await files.matching(at('d', '*.txt'))).toEqual(
      ['Z.txt', 'a.txt', 'back\\slash.txt', 'link.txt', 'ä.txt'].map((name) => at('d', name)),
    );
  });

  it('a link that cannot be followed makes it unreadable', async () => {
    mkdirSync(at('d'));
    symlinkSync('loop.txt', at('d', 'loop.txt'));
    expect(await fact(at('d', '*.txt'), { glob: true })).toBe('unreadable:ELOOP');
  });

  it('two names that no text can tell apart are two', async () => {
    mkdirSync(at('d'));
    const name = (byte: number) => Buffer.concat([Buffer.from(at('d', 'x')), Buffer.from([byte]), Buffer.from('.txt')]);
    writeFileSync(name(0xe4), 'one');
    const one = await fact(at('d', '*.txt'), { glob: true });
    renameSync(name(0xe4), name(0xe5));
    const other = await fact(at('d', '*.txt'), { glob: true });
    expect([one, other]).toEqual([expect.stringMatching(/^glob:/), stamped(at('d'))]);
    expect(other).not.toBe(one);
  });
});

describe('putting back what a pattern matched', () => {
  const attempt = () => ({ token: 'token', directory: at('run'), handle: undefined });
  const names = ['a.txt', 'b.txt', 'c.txt'];
  /** `c` is not UTF-8. */
  const path = (folder: string, name: string): Buffer =>
    name === 'c.txt'
      ? Buffer.concat([Buffer.from(`${folder}/c`), Buffer.from([0xff]), Buffer.from('.txt')])
      : Buffer.from(`${folder}/${name}`);
  const put = (folder: string, name: string, text: string): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path(folder, name), text);
  };
  const recorded = async () => {
    for (const name of names) put(at('out'), name, `first ${name}`);
    const output = { name: 'o', path: at('out', '*.txt'), digest: await fact(at('out', '*.txt'), { glob: true }) };
    rmSync(at('out'), { recursive: true });
    return output;
  };
  const isBack = (): void => {
    for (const name of names) expect(readFileSync(path(at('out'), name), 'utf8')).toBe(`first ${name}`);
    expect(readdirSync(at('out'))).toHaveLength(names.length);
  };

  it('goes on wherever a crash left it', async () => {
    const output = await recorded();
    for (let back = 0; back < 1 << names.length; back++) {
      for (const [i, name] of names.entries())
        put(back & (1 << i) ? at('out') : at('run', 'outputs', 'o'), name, `first ${name}`);
      expect(await files.restore(attempt(), [output], () => undefined)).toBe(true);
      isBack();
      rmSync(at('out'), { recursive: true });
    }
  });

  it('also where a copy was made and what was copied still lies there', async () => {
    const output = await recorded();
    for (const name of names) put(at('out'), name, name === 'a.txt' ? 'half' : `first ${name}`);
    for (const name of ['a.txt', 'b.txt']) put(at('run', 'outputs', 'o'), name, `first ${name}`);
    expect(await files.restore(attempt(), [output], () => undefined)).toBe(true);
    isBack();
    expect(readFileSync(at('run', 'displaced', 'outputs', 'o', 'a.txt'), 'utf8')).toBe('half');
  });

  it('a later result makes room, as much of it as is still there', async () => {
    const output = await recorded();
    for (const name of names) put(at('run', 'outputs', 'o'), name, `first ${name}`);
    put(at('out'), 'b.txt', 'second');
    put(at('out'), 'd.txt', 'second');
    expect(await files.restore(attempt(), [output], () => at('other'))).toBe(true);
    isBack();
    expect(readdirSync(at('other', 'outputs', 'o')).sort()).toEqual(['b.txt', 'd.txt']);
  });

  it('nothing is moved when a match is missing, or one too many lies there', async () => {
    const output = await recorded();
    put(at('run', 'outputs', 'o'), 'a.txt', 'first a.txt');
    put(at('out'), 'b.txt', 'first b.txt');
    expect(await files.restore(attempt(), [output], () => undefined)).toBe(false);
    put(at('out'), 'c.txt', 'first c.txt');
    put(at('out'), 'd.txt', "somebody else's");
    expect(await files.restore(attempt(), [output], () => undefined)).toBe(false);
    expect(readdirSync(at('out'))).toHaveLength(3);
    rmSync(at('out', 'd.txt'));
    expect(await files.restore(attempt(), [output], () => undefined)).toBe(true);
    isBack();
  });
});

describe('putting outputs back', () => {
  const attempt = () => ({ token: 'token', directory: at('run'), handle: undefined });
  const aside = (name: string, text: string): { name: string; path: string; digest: string } => {
    mkdirSync(at('run', 'outputs'), { recursive: true });
    writeFileSync(at('run', 'outputs', name), text);
    return { name, path: at(name), digest: `sha256:${sha256(text)}` };
  };

  it('fails as a value when a file cannot be moved, and goes on later', async () => {
    const a = aside('a', 'result a');
    const b = { ...aside('b', 'result b'), path: at('blocked', 'b') };
    // A file where a folder must be.
    writeFileSync(at('blocked'), 'in the way');
    expect(await files.restore(attempt(), [a, b], () => undefined)).toBe(false);
    expect(readFileSync(at('a'), 'utf8')).toBe('result a');
    expect(readFileSync(at('run', 'outputs', 'b'), 'utf8')).toBe('result b');
    expect(readFileSync(at('blocked'), 'utf8')).toBe('in the way');
    rmSync(at('blocked'));
    expect(await files.restore(attempt(), [a, b], () => undefined)).toBe(true);
    expect(readFileSync(at('blocked', 'b'), 'utf8')).toBe('result b');
  });

  it.each([`loop${'/x'}`, 'x'.repeat(300), 'nul\0'])(
    'fails as a value where a path cannot be asked: %j',
    async (path) => {
      symlinkSync('loop', at('loop'));
      const output = { ...aside('a', 'result'), path: at(path) };
      expect(await files.restore(attempt(), [output], () => undefined)).toBe(false);
      expect(readFileSync(at('run', 'outputs', 'a'), 'utf8')).toBe('result');
    },
  );

  it('nothing is thrown away: neither what lay there, nor what lay where that is moved to', async () => {
    const a = aside('a', 'first');
    writeFileSync(at('a'), 'second');
    mkdirSync(at('other', 'outputs'), { recursive: true });
    writeFileSync(at('other', 'outputs', 'a'), 'kept before');
    expect(await files.restore(attempt(), [a], () => at('other'))).toBe(true);
    expect(readFileSync(at('a'), 'utf8')).toBe('first');
    expect(readFileSync(at('other', 'outputs', 'a'), 'utf8')).toBe('second');
    expect(readFileSync(at('other', 'outputs', 'a.token'), 'utf8')).toBe('kept before');
  });

  it('what somebody takes away meanwhile is not said to be back', async () => {
    const a = aside('a', 'first');
    const taking = (): undefined => rmSync(at('run', 'outputs', 'a')) as undefined;
    expect(await files.restore(attempt(), [a], taking)).toBe(false);
  });

  it('what was recorded as absent is absent again, whatever lies aside', async () => {
    const a = { ...aside('a', 'by hand'), digest: 'absent' };
    writeFileSync(at('a'), 'second');
    expect(await files.restore(attempt(), [a], () => undefined)).toBe(true);
    expect(existsSync(at('a'))).toBe(false);
    expect(readFileSync(at('run', 'displaced', 'outputs', 'a'), 'utf8')).toBe('second');
    expect(readFileSync(at('run', 'outputs', 'a'), 'utf8')).toBe('by hand');
  });

  it('nothing is moved when one of them is not whole', async () => {
    const a = aside('a', 'first');
    const b = { ...aside('b', 'damaged'), digest: `sha256:${sha256('as it was')}` };
    expect(await files.restore(attempt(), [a, b], () => undefined)).toBe(false);
    expect(existsSync(at('a'))).toBe(false);
    expect(readFileSync(at('run', 'outputs', 'a'), 'utf8')).toBe('first');
  });

  it('a link that leads nowhere makes room', async () => {
    const a = aside('a', 'first');
    symlinkSync('none', at('a'));
    expect(await files.restore(attempt(), [a], () => undefined)).toBe(true);
    expect(readFileSync(at('a'), 'utf8')).toBe('first');
    expect(existsSync(at('none'))).toBe(false);
  });
});

describe('moving aside what a skipped task made', () => {
  const attempt = () => ({ token: 'token', directory: at('run'), handle: undefined });

  it('it comes back as it was', async () => {
    writeFileSync(at('a'), 'result');
    expect(await files.setAside(attempt(), [{ name: 'a', path: at('a'), form: 'path' }])).toBe(true);
    expect(existsSync(at('a'))).toBe(false);
    const recorded = { name: 'a', path: at('a'), digest: `sha256:${sha256('result')}` };
    expect(await files.restore(attempt(), [recorded], () => undefined)).toBe(true);
    expect(readFileSync(at('a'), 'utf8')).toBe('result');
  });

  it('also what a pattern matches', async () => {
    const look = { path: at('out', '**'), fingerprint: 'Content', glob: true } as const;
    mkdirSync(at('out', 'below'), { recursive: true });
    writeFileSync(at('out', 'a'), 'one');
    writeFileSync(at('out', 'below', 'b'), 'two');
    const digest = (await files.look([look])).get(lookId(look)) as string;
    expect(await files.setAside(attempt(), [{ name: 'o', path: look.path, form: 'glob' }])).toBe(true);
    expect((await files.look([look])).get(lookId(look))).toBe('absent');
    expect(await files.restore(attempt(), [{ name: 'o', path: look.path, digest }], () => undefined)).toBe(true);
    expect((await files.look([look])).get(lookId(look))).toBe(digest);
  });

  it('who may move files no more moves none, whatever has begun', async () => {
    writeFileSync(at('a'), 'result');
    writeFileSync(at('b'), 'other');
    const recorded = [
      { name: 'a', path: at('a'), digest: `sha256:${sha256('result')}` },
      { name: 'b', path: at('b'), digest: `sha256:${sha256('other')}` },
    ];
    const outputs = recorded.map(({ name, path }) => ({ name, path, form: 'path' as const }));
    let moves = 1;
    const replaced = new HostFiles(clock, { mayMove: () => moves-- > 0 });
    expect(await replaced.setAside(attempt(), outputs)).toBe(false);
    expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, true]);
    expect(await replaced.restore(attempt(), recorded, () => undefined)).toBe(false);
    expect([existsSync(at('a')), existsSync(at('b'))]).toEqual([false, true]);
    // Whoever may goes on from there.
    expect(await files.setAside(attempt(), outputs)).toBe(true);
    expect(await files.restore(attempt(), recorded, () => undefined)).toBe(true);
    expect(readFileSync(at('a'), 'utf8') + readFileSync(at('b'), 'utf8')).toBe('resultother');
  });

  it('what lay there aside before is kept, and what has no folder or cannot be moved stays', async () => {
    mkdirSync(at('run', 'outputs'), { recursive: true });
    writeFileSync(at('run', 'outputs', 'a'), 'kept before');
    writeFileSync(at('a'), 'result');
    const a = { name: 'a', path: at('a'), form: 'path' } as const;
    expect(await files.setAside({ ...attempt(), directory: undefined }, [a])).toBe(false);
    writeFileSync(at('blocked'), 'in the way');
    expect(await files.setAside({ ...attempt(), directory: at('blocked', 'run') }, [a])).toBe(false);
    expect(readFileSync(at('a'), 'utf8')).toBe('result');
    expect(await files.setAside(attempt(), [a])).toBe(true);
    expect(readFileSync(at('run', 'outputs', 'a.token'), 'utf8')).toBe('kept before');
    expect(readFileSync(at('run', 'outputs', 'a'), 'utf8')).toBe('result');
  });
});

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
