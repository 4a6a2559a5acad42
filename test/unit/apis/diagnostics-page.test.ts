import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('every code that this folder gives has its line in docs/diagnostics.md', () => {
  const root = new URL('../../../', import.meta.url);
  const page = readFileSync(new URL('docs/diagnostics.md', root), 'utf8');
  const folder = new URL('src/apis/', root);
  const codes = new Set<string>();
  for (const file of readdirSync(folder)) {
    for (const [code] of readFileSync(new URL(file, folder), 'utf8').matchAll(/(?<=')E-[A-Z-]+(?=')/g)) codes.add(code);
  }
  expect(codes.size).toBeGreaterThan(25);
  for (const code of codes) expect(page).toContain(`| \`${code}\` | `);
});
