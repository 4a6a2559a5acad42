import { armFailPoint } from '../base/fail-point.ts';
import { EXIT } from './exit-code.ts';
import { processIo } from './process-io.ts';
import { runProgram } from './program.ts';

// What node itself says where nothing is left that could end a wait; it would say 0 for a script.
const NEVER_ENDED = 13;

// The natural end of the process lets standard output drain; sockets and timers that a command left open must
// not hold it, so what is still open then is cut by `exit` once both streams are empty.
async function main(): Promise<void> {
  process.exitCode = NEVER_ENDED;
  const armed = armFailPoint(process.env);
  if (!armed.ok) process.stderr.write(`fixpoint: ${armed.error}\n`);
  const code = armed.ok ? await runProgram(process.argv.slice(2), processIo()) : EXIT.invalid;
  process.exitCode = code;
  // After what was written last, which is handed over when this turn ends.
  process.nextTick(() => process.stdout.write('', () => process.stderr.write('', () => process.exit(code))));
}

void main();
