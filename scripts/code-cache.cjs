// `node code-cache.cjs MAIN ARGUMENT ...` does what MAIN does with these arguments, and writes down beside it what V8 has
// compiled by then, with a checksum at its end, for the next start.
'use strict';
const { writeFileSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');
const { crc32 } = require('node:zlib');

process.argv.splice(1, 1);
const main = resolve(process.argv[1]);
const script = require(main);
process.on('exit', (code) => {
  if (code !== 0) return;
  const made = script.createCachedData();
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(made));
  writeFileSync(join(dirname(main), 'program.code'), Buffer.concat([made, sum]));
});
