import { readFileSync } from 'node:fs';
import { OWN_FILES } from '../base/own-files.ts';

/** From `package.json`, which lies beside the folder of the program. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', OWN_FILES), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
