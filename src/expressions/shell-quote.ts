/**
 * `value` as one word of a POSIX shell, in single quotes: nothing in it is special.
 * Every character may occur but NUL, which no shell can hold; callers refuse it before.
 */
export function quoteShell(value: string): string {
  if (value.includes('\0')) throw new Error('a shell word cannot hold NUL');
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** Why a text cannot be a shell's value, or undefined. */
export function unfitForShell(value: string): string | undefined {
  if (value.includes('\0')) return 'holds a NUL character, which no shell can pass on';
  if (/\p{Surrogate}/u.test(value)) return 'holds half of a surrogate pair, which is no character';
  return undefined;
}
