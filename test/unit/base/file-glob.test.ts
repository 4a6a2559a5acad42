import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { matching } from '../../../src/backends/process/glob-walk.ts';
import { parseFileGlob } from '../../../src/base/file-glob.ts';

const matches = (pattern: string, path: string): boolean => {
  const glob = parseFileGlob(pattern);
  if (!glob.ok) throw new Error(glob.error);
  return glob.value.matches(path);
};

describe('patterns over files', () => {
  it.each([
    ['/w/*.txt', '/w/a.txt', true],
    ['/w/*.txt', '/w/.txt', false],
    ['/w/*.txt', '/w/.a.txt', false],
    ['/w/.*', '/w/.a', true],
    ['/w/*.txt', '/w/d/a.txt', false],
    ['/w/?', '/w/.', false],
    ['/w/a?c', '/w/abc', true],
    ['/w/[a-c]x', '/w/bx', true],
    ['/w/[!a-c]x', '/w/bx', false],
    ['/w/[!a-c]x', '/w/.x', false],
    ['/w/{a,b}/c', '/w/b/c', true],
    ['/w/{a,b/d}/c', '/w/b/d/c', true],
    ['/w/**/c', '/w/c', true],
    ['/w/**/c', '/w/a/b/c', true],
    ['/w/**/c', '/w/.a/c', false],
    ['/w/**', '/w/a/b', true],
    ['/w/(a|b)+$^.\\d', '/w/(a|b)+$^.\\d', true],
    ['/w/a.c', '/w/abc', false],
    ['/w/*', '/w/line\nbreak', false],
    ['/w/**a', '/w/xa', true],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it.each([
    ['/w/[a', 'never closed'],
    ['/w/[z-a]', 'wrong way round'],
    ['/w/[äö]', 'only letters'],
    ['/w/[a/b]', 'never closed'],
    ['/w/{a', 'never closed'],
  ])('%s is refused', (pattern, message) => {
    expect(parseFileGlob(pattern)).toMatchObject({ ok: false, error: expect.stringContaining(message) as string });
  });

  it.each([
    ['/x/*a*a*a*a*b', 'a'],
    ['/x/*a*a*a*a*a*a*a*a*[!a]', 'a'],
    ['/x/**/*a/**/*a/**/*a/**/*a/**/b', 'a/'],
    ['/x/{*a*a*a*a,*a*a*a*?a}*b', 'a'],
    ['/x/**/**/**/**/**/**/**/**/b', 'a/'],
  ])('%s is held against 100,000 times %s', (pattern, text) => {
    const path = `/x/${text.repeat(100_000)}`;
    expect(matches(pattern, path)).toBe(false);
    expect(matches(pattern, `${path}b`)).toBe(true);
  });

  it('says what its expression says', () => {
    const wild = fc.constantFrom('*', '?', '[a-b]', '[!a]', '{a,b}', '{a,b/a}', 'a', 'b', '.', 'ä', '😀');
    const segment = fc.oneof(
      fc.constant('**'),
      fc.array(wild, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
    );
    const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
    const path = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/', 'ä', '😀'), maxLength: 8 }).map((p) => `/${p}`);
    const bytes = (text: string): string => Buffer.from(text).toString('latin1');
    fc.assert(
      fc.property(pattern, path, (text, one) => {
        const glob = parseFileGlob(text);
        if (!glob.ok) throw new Error(glob.error);
        const expected = new RegExp(`^(?:${bytes(glob.value.expression)})$`).test(bytes(one));
        expect(glob.value.matches(one)).toBe(expected);
        expect(glob.value.matchesBytes(bytes(one))).toBe(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  const root = mkdtempSync(join(tmpdir(), 'fixpoint-glob-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('find sees what we see', async () => {
    const letter = fc.constantFrom('a', 'b', '.', '-', 'ä', '$', '(', '|', '\\', ' ', "'");
    const name = fc.string({ unit: letter, minLength: 1, maxLength: 3 }).filter((n) => n !== '.' && n !== '..');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
    const wild = fc.constantFrom('*', '?', '[a-b]', '[!a]', '{a,b}', 'a', 'b', '.', 'ä', '\\', '(');
    const segment = fc.oneof(
      fc.constant('**'),
      fc.array(wild, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
    );
    const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
    let tree = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(path, { minLength: 1, maxLength: 8 }), pattern, async (paths, text) => {
        const folder = join(root, String(tree++));
        mkdirSync(folder);
        symlinkSync('nothing', join(folder, 'a-'));
        symlinkSync('/dev/null', join(folder, 'b-'));
        symlinkSync('..', join(folder, '-b'));
        for (const file of paths) {
          try {
            mkdirSync(dirname(join(folder, file)), { recursive: true });
            writeFileSync(join(folder, file), '');
          } catch {
            // A folder of that name is there, or a file where a folder should be.
          }
        }
        const glob = parseFileGlob(`${folder}/${text}`);
        if (!glob.ok) throw new Error(glob.error);
        const { expression, depth } = glob.value;
        const { stdout } = spawnSync(
          'find',
          [
            '-H',
            glob.value.folder,
            '-mindepth',
            '1',
            ...(depth === undefined ? [] : ['-maxdepth', String(depth)]),
            ...'-regextype posix-extended ! -path'.split(' '),
            '*\n*',
            '-regex',
            expression,
            ...'-prune ( -xtype f -o -xtype d ) -print'.split(' '),
          ],
          { env: { ...process.env, LC_ALL: 'C' }, encoding: 'utf8' },
        );
        expect(stdout.split('\n').filter(Boolean).sort()).toEqual(await matching(`${folder}/${text}`));
      }),
      { numRuns: 150 },
    );
  });
});
