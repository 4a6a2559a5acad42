/**
 * `src/cli/render` turns views into text for people: pure functions from values to strings. What comes from
 * workflows (names, messages, logs) passes through here before it meets a terminal.
 */

// Everything that a terminal may take as a command (control characters but tab and line feed), and the marks that
// turn the direction of text, by which a name could pass for another.
const CONTROL = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text of several lines, made harmless: control characters show as `\xHH` or `\uHHHH`. */
export function harmless(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(CONTROL, visible);
}

/** The same as one line, for a cell of a table. */
export function oneLine(text: string): string {
  return harmless(text)
    .replace(/[\n\t]+/g, ' ')
    .trim();
}

function visible(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Columns that a text takes on a terminal: combining marks none, wide (CJK, emoji) two. */
export function displayWidth(text: string): number {
  // Plain ASCII is nearly everything, and its width is its length.
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) {
    if (/\p{Mark}|\u200d|\ufe0f/u.test(char)) continue;
    width += isWide(char.codePointAt(0) ?? 0) ? 2 : 1;
  }
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Cut to a number of columns, with an ellipsis where something was lost. */
export function clip(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let out = '';
  let width = 0;
  for (const char of text) {
    const next = displayWidth(char);
    if (width + next > columns - 1) break;
    out += char;
    width += next;
  }
  return `${out}…`;
}
