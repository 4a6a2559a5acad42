#!/usr/bin/env node
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

// The natural end of the process lets standard output drain; sockets and timers that a command left open must
// not hold it, so what is still open then is cut by `exit` once both streams are empty.
const code = await runProgram(process.argv.slice(2), processIo());
process.exitCode = code;
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
