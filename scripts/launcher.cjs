// dist/cli/main.js, behind the lines of launch-flags.mjs: starts the program, which lies beside it as one script, with the
// code that V8 had made of it by the end of a run when it was built (code-cache.cjs). Finding, reading and compiling modules
// would be a third of a short command, and node keeps code of modules from 22.1 on only. Another V8, or other flags, refuse
// the code, and damage shows in the checksum: then the script is compiled as ever, and only slower.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const SUM_BYTES = 4;

/** What `code-cache.cjs` wrote; V8 itself does not look for damage. */
function madeBefore() {
  try {
    const file = readFileSync(join(__dirname, 'program.code'));
    const code = file.subarray(0, -SUM_BYTES);
    return crc32(code) === file.readUInt32BE(code.length) ? code : undefined;
  } catch {
    return undefined;
  }
}

const filename = join(__dirname, 'program.js');
// The build writes one function, in ASCII: so it takes half the memory, no decoding and no copy.
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: madeBefore() });
script.runInThisContext()(require, filename);
module.exports = script;
