import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type EmbeddedHome, openEmbeddedHome } from '../../../src/controllers/embedded-home.ts';

let dir: string;
let opened: EmbeddedHome[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fixpoint-embedded-'));
  opened = [];
});

afterEach(async () => {
  for (const home of opened) await home.close();
  rmSync(dir, { recursive: true });
});

/** What came of opening it: nobody launches anything. */
async function open(readOnly = false): Promise<string> {
  const home = await openEmbeddedHome({
    stateDir: join(dir, 'state'),
    readOnly,
    passive: true,
    cpus: 1,
    memoryBytes: 1e9,
  });
  if (home.ok) opened.push(home.value);
  return home.ok ? 'opened' : home.error.reason;
}

it('a state folder has one owner, and readers beside it', async () => {
  expect(await open()).toBe('opened');
  expect(await open()).toBe('Locked');
  expect(await open(true)).toBe('opened');
  for (const home of opened.splice(0)) await home.close();
  expect(await open()).toBe('opened');
});
