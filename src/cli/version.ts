import { readFileSync } from 'node:fs';

/** From `package.json`, which lies two folders up in the sources and in the built package alike. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
