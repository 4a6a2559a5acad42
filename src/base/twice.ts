/**
 * A small record that is a line written twice at once: whoever reads it sees whether a byte has changed since, or whether it was
 * torn, and no process is needed for a checksum.
 */
export function twice(line: string): string {
  return `${line}\n${line}\n`;
}

/** The line; undefined: it is not whole. */
export function once(text: string): string | undefined {
  const half = text.slice(0, text.length / 2);
  return half + half === text && half.endsWith('\n') ? half.slice(0, -1) : undefined;
}
