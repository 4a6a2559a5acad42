import type { Result } from './results.ts';
export function page(results: readonly Result[]): string {
  return JSON.stringify(results);
}
