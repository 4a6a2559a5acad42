import type { Handled } from '../backends/backend.ts';
import type { Attempt } from '../planning/record.ts';

/** An attempt as its backend knows it. */
export function handled({ uid, directory, handle }: Attempt): Handled {
  return { token: uid, directory, handle };
}
