import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { networkFileSystem } from '../../../src/base/network-file-system.ts';
import { type DatabaseOptions, openDatabase, type Sql } from '../../../src/store/database.ts';
import { SqliteStore } from '../../../src/store/sqlite-store.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../src/store/migrations');
const FILES = readdirSync(MIGRATIONS).sort();

let dir: string;
let path: string;
let opened: Sql[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-database-'));
  path = join(dir, 'fixpoint.db');
  opened = [];
});

afterEach(() => {
  for (const db of opened) db.close();
  rmSync(dir, { recursive: true });
});

function open(options: DatabaseOptions = { readOnly: false }): Sql {
  const db = openDatabase(path, options);
  if (!db.ok) throw new Error(db.error);
  opened.push(db.value);
  return db.value;
}

function refusal(options: DatabaseOptions = { readOnly: false }): string {
  const db = openDatabase(path, options);
  if (!db.ok) return db.error;
  db.value.close();
  throw new Error('it was opened');
}

/** A ledger as a release made it that knew this many formats. */
function ledgerOfFormat(format: number): Sql {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  for (const name of FILES.slice(0, format)) db.exec(readFileSync(join(MIGRATIONS, name), 'utf8'));
  db.pragma(`user_version = ${format}`);
  return db;
}

const formatOf = (db: Sql): unknown => db.pragma('user_version', { simple: true });

describe('the format of the ledger', () => {
  it('has one file for each, numbered without gaps', () => {
    expect(FILES.map((name) => Number(name.slice(0, 4)))).toEqual(FILES.map((_, i) => i + 1));
  });

  it('is the newest in a new file, and stays when it is opened again', () => {
    expect(formatOf(open())).toBe(FILES.length);
    expect(formatOf(open())).toBe(FILES.length);
  });

  it('1 becomes the newest, and what it holds is kept', async () => {
    const old = ledgerOfFormat(1);
    const record = (digest: string) =>
      JSON.stringify({
        key: 'a',
        attempts: [{ number: 1, preimage: { templateDigest: digest, values: {}, code: {} } }],
      });
    old.exec(`
      INSERT INTO journal VALUES (7, 1, 'w', 'WorkflowApplied', NULL, NULL, '{"generation":1,"message":""}');
      INSERT INTO preimages VALUES ('own', '1'), ('shared', '2'), ('unused', '3');
    `);
    for (const [workflow, task, digest] of [
      ['w', 'a', 'own'],
      ['w', 'b', 'shared'],
      ['v', 'a', 'shared'],
    ] as const)
      old.prepare('INSERT INTO records VALUES (?, ?, ?)').run(workflow, task, record(digest));
    old.prepare('INSERT INTO records VALUES (?, ?, ?)').run('w', 'c', JSON.stringify({ key: 'c', attempts: [] }));
    old.close();

    const store = new SqliteStore(open());
    expect(store.version()).toBe(7);
    expect(await store.records('w')).toHaveLength(3);
    expect(await store.journal({ workflow: 'w', limit: 10 })).toHaveLength(1);
    await store.commit({ time: 2, forget: ['w'] });
    expect(await store.preimage('own')).toBeUndefined();
    expect(await store.preimage('shared')).toBe(2);
    expect(await store.preimage('unused')).toBe(3);
  });

  it('that is newer than this release is refused and left alone', () => {
    const newer = open();
    newer.pragma(`user_version = ${FILES.length + 1}`);
    newer.close();
    for (const readOnly of [false, true]) expect(refusal({ readOnly })).toContain('use a newer one');
    const db = new Database(path);
    expect(formatOf(db)).toBe(FILES.length + 1);
    db.close();
  });

  it('that is older is not changed by who only reads', () => {
    ledgerOfFormat(1).close();
    expect(refusal({ readOnly: true })).toContain('open it once for writing');
    open();
    expect(formatOf(open({ readOnly: true }))).toBe(FILES.length);
  });

  it('a file that is no ledger, or none, is an error with its name', () => {
    expect(refusal({ readOnly: true })).toContain(path);
    expect(existsSync(path)).toBe(false);
    writeFileSync(path, 'x'.repeat(10_000));
    expect(refusal()).toContain(path);
  });
});

it.each([false, true])('a commit that returned is on the disk: shared with other hosts, %s', (shared) => {
  const db = open({ readOnly: false, shared });
  // With NORMAL, which is 1, a log is synchronised only before it is emptied.
  expect(db.pragma('synchronous', { simple: true })).toBe(2);
});

describe('where other hosts may open the file', () => {
  it('there is no shared memory, and nobody else gets in while it is open', () => {
    const db = open({ readOnly: false, shared: true });
    db.exec("INSERT INTO preimages VALUES ('d', '1')");
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(existsSync(`${path}-shm`)).toBe(false);
    const other = new Database(path, { timeout: 0 });
    opened.push(other);
    expect(() => other.prepare('SELECT * FROM preimages').all()).toThrow(/locked/);
    db.close();
    expect(other.prepare('SELECT digest FROM preimages').all()).toEqual([{ digest: 'd' }]);
  });

  it('what was committed there is found after a crash', () => {
    const db = open({ readOnly: false, shared: true });
    db.exec("INSERT INTO preimages VALUES ('d', '1')");
    // As a crash leaves it: the log is not yet part of the file.
    const copy = join(dir, 'copy.db');
    writeFileSync(copy, readFileSync(path));
    writeFileSync(`${copy}-wal`, readFileSync(`${path}-wal`));
    path = copy;
    const again = open({ readOnly: false, shared: true });
    expect(again.prepare('SELECT digest FROM preimages').all()).toEqual([{ digest: 'd' }]);
  });

  it('elsewhere readers get in', () => {
    open({ readOnly: false, shared: false }).exec("INSERT INTO preimages VALUES ('d', '1')");
    expect(open({ readOnly: true }).prepare('SELECT digest FROM preimages').all()).toEqual([{ digest: 'd' }]);
  });

  it('a folder that cannot be asked is on no network file system', () => {
    expect(networkFileSystem(join(dir, 'none'))).toBeUndefined();
    expect(networkFileSystem('/proc')).toBeUndefined();
  });
});
