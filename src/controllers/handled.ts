import type { Placed } from '../backends/backends.ts';
import type { Attempt } from '../planning/record.ts';

/** An attempt as its backend knows it. */
export function handled({ uid, directory, handle, backend }: Attempt): Placed {
  return { token: uid, directory, handle, backend };
}
