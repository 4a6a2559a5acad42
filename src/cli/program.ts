import { Command, CommanderError } from 'commander';
import { CommandContext } from './command.ts';
import { COMMANDS, type CommandSpec } from './command-table.ts';
import { CommandFailure, EXIT, failureOf, HomeFailure } from './exit-code.ts';
import type { Io } from './io.ts';
import { renderUnlocated } from './render/diagnostics.ts';
import { harmless } from './render/terminal-text.ts';
import { VERSION } from './version.ts';

/** Runs one command line (without the program's name) and gives its exit code. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command('fixpoint')
    .description('Declare scientific and HPC workflows; Fixpoint makes the world agree.')
    .version(VERSION, '-V, --version', 'print the version')
    .showHelpAfterError('(--help shows what is possible)');
  quiet(program, io);
  for (const spec of COMMANDS) {
    addCommand(program, spec, io, async (context) => {
      const { run } = await spec.load();
      exitCode = await run(context);
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitOf(error, io, argv[0]);
  }
}

/** Commander's own messages go through `Io`, and its way to end the process becomes an exception. */
function quiet(command: Command, io: Io): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
    getOutHelpWidth: () => io.stdout.columns(),
    getErrHelpWidth: () => io.stderr.columns(),
  });
}

function addCommand(
  program: Command,
  spec: CommandSpec,
  io: Io,
  run: (context: CommandContext) => Promise<void>,
): void {
  const command = program.command(spec.name).description(spec.summary);
  quiet(command, io);
  for (const word of spec.words ?? []) command.argument(word.pattern, word.meaning);
  for (const option of spec.options) {
    if (option.many === true) {
      command.option(option.flags, option.meaning, (value: string, all: string[] | undefined) => [
        ...(all ?? []),
        value,
      ]);
    } else command.option(option.flags, option.meaning);
  }
  if (spec.hidden !== undefined) command.addHelpText('after', spec.hidden);
  command.action(async () => {
    await run(new CommandContext(io, spec.name, command.args, command.opts()));
  });
}

/** Bugs keep their stack; everything expected is one sentence and its own code. */
async function exitOf(error: unknown, io: Io, command: string | undefined): Promise<number> {
  if (error instanceof CommanderError) {
    const asked = error.exitCode === 0;
    return asked ? EXIT.done : command === 'plan' ? EXIT.failed : EXIT.invalid;
  }
  const failure = error instanceof HomeFailure ? failureOf(error.error) : error;
  if (!(failure instanceof CommandFailure)) throw error;
  await io.stderr.write(renderUnlocated(failure.diagnostics));
  if (failure.message !== '') await io.stderr.write(`fixpoint: ${harmless(failure.message)}\n`);
  // `plan` uses 2 for «there is something to do», so that all of its errors are 1.
  return command === 'plan' ? EXIT.failed : failure.exitCode;
}
