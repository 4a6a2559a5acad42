import picocolors from 'picocolors';

export type Paint = ReturnType<typeof picocolors.createColors>;

export function paint(enabled: boolean): Paint {
  return picocolors.createColors(enabled);
}

/** The colour says how it stands; the word does too, so that nothing is lost without colours. */
export function paintPhase(colors: Paint, phase: string): string {
  switch (phase) {
    case 'Succeeded':
      return colors.green(phase);
    case 'Failed':
      return colors.red(phase);
    case 'Running':
    case 'Queued':
      return colors.cyan(phase);
    case 'Suspended':
    case 'Cancelled':
    case 'Skipped':
      return colors.yellow(phase);
    default:
      return phase;
  }
}
