/** A word as a POSIX shell reads it back. */
function shellWord(word: string): string {
  return /^[\w./=:,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ');
}

/** make and ninja read `$` themselves: a doubled one reaches the shell. */
export function dollarsDoubled(text: string): string {
  return text.replaceAll('$', '$$$$');
}

export function lines(values: readonly string[]): string {
  return values.map((value) => `${value}\n`).join('');
}
