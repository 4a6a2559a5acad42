import { resolve } from 'node:path';
import type { CommandContext } from '../command.ts';
import { checkProcessBackend, checkState, checkSystem, type Finding } from '../examination.ts';
import { EXIT, usage } from '../exit-code.ts';
import { wantsColor } from '../io.ts';
import { findPlace, STATE_FOLDER } from '../locate-state.ts';
import { paint } from '../render/color.ts';
import { harmless } from '../render/terminal-text.ts';

/** Exit code 1 if something would keep workflows from running; warnings alone are 0. */
export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const backend = context.text('backend');
  if (backend !== undefined && backend !== 'process') throw usage(`doctor: no backend ${backend}; there is process`);
  const findings: Finding[] = [];
  if (backend === undefined) {
    findings.push(...(await checkSystem(io)));
    const place = await findPlace(context.where, io.env, io.cwd);
    const stateDir = place.ok && place.value.kind === 'state' ? place.value.dir : resolve(io.cwd, STATE_FOLDER);
    findings.push(...(await checkState(io, stateDir)));
  }
  findings.push(...(await checkProcessBackend(io)));
  const colors = paint(wantsColor(io, io.stdout));
  const marks = { ok: colors.green('ok  '), warning: colors.yellow('warn'), error: colors.red('bad ') };
  for (const { level, text } of findings) await io.stdout.write(`${marks[level]}  ${harmless(text)}\n`);
  return findings.some((finding) => finding.level === 'error') ? EXIT.failed : EXIT.done;
}
