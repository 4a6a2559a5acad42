import { resolve } from 'node:path';
import type { CommandContext } from '../command.ts';
import { checkProcessBackend, checkState, checkSystem, type Finding } from '../examination.ts';
import { EXIT, usage } from '../exit-code.ts';
import { wantsColor } from '../io.ts';
import { findPlace, STATE_FOLDER } from '../locate-state.ts';
import { findOrphans } from '../orphans.ts';
import { paint } from '../render/color.ts';
import { harmless } from '../render/terminal-text.ts';

/** Exit code 1 if something would keep workflows from running; warnings alone are 0. */
export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const backend = context.text('backend');
  if (backend !== undefined && backend !== 'process') throw usage(`doctor: no backend ${backend}; there is process`);
  const findings: Finding[] = [];
  const place = await findPlace(context.where, io.env, io.cwd);
  const stateDir = place.ok && place.value.kind === 'state' ? place.value.dir : resolve(io.cwd, STATE_FOLDER);
  if (context.flag('orphans')) return listOrphans(context, stateDir);
  if (backend === undefined) {
    findings.push(...(await checkSystem(io)));
    findings.push(...(await checkState(io, stateDir)));
  }
  findings.push(...(await checkProcessBackend(io)));
  const colors = paint(wantsColor(io, io.stdout));
  const marks = { ok: colors.green('ok  '), warning: colors.yellow('warn'), error: colors.red('bad ') };
  for (const { level, text } of findings) await io.stdout.write(`${marks[level]}  ${harmless(text)}\n`);
  return findings.some((finding) => finding.level === 'error') ? EXIT.failed : EXIT.done;
}

/** Lists only: who ends a process must be sure of it, and a daemon ends leftovers of its own attempts by itself. */
async function listOrphans({ io }: CommandContext, stateDir: string): Promise<number> {
  if (process.platform !== 'linux') throw usage('doctor: --orphans looks into /proc, which only Linux has');
  const orphans = await findOrphans(stateDir);
  for (const { pid, owner, folder } of orphans) await io.stdout.write(`${pid}  ${harmless(`${owner} (${folder})`)}\n`);
  await io.stderr.write(
    orphans.length === 0
      ? `No process on this host outlived its attempt in ${harmless(stateDir)}.\n`
      : `fixpoint: look at each before you end it, with \`kill PID\`, then \`kill -9 PID\`. What an attempt that has just ended left behind, a daemon or run ends within seconds.\n`,
  );
  return EXIT.done;
}
