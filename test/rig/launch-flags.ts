/** What the launcher starts node with (`scripts/launch-flags.mjs`). Under others the program is compiled at each start. */
export const LAUNCH_FLAGS: readonly string[] = ['--max-semi-space-size=2'];
