// What node is started with.
//
// Space for new objects of 2 MB instead of 16, twice: what is new mostly dies as soon, so that costs no time, and at 100,000
// tasks it is a seventh of the memory. A node that runs already takes no such flag.
export const LAUNCH_FLAGS = ['--max-semi-space-size=2'];

/** For a shell, what starts node on the very file that begins with it; for node, a text and a comment. Not every env has -S. */
export const SHELL_START = `#!/bin/sh
':' //; exec node ${LAUNCH_FLAGS.join(' ')} "$0" "$@"
`;
