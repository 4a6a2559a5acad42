import { OPENING } from './placeholders.ts';
import type { Heredoc } from './shell-frames.ts';

/** Delimiters and bodies of here-documents. */

export interface Delimiter {
  readonly delimiter: string;
  /** Any part of it was quoted: nothing in the body is expanded. */
  readonly quoted: boolean;
  readonly end: number;
  readonly placeholder: boolean;
}

/** Reads the word after `<<`. */
export function delimiterAt(text: string, from: number, limit: number): Delimiter {
  let i = from;
  while (i < limit && (text[i] === ' ' || text[i] === '\t')) i++;
  let delimiter = '';
  let quoted = false;
  for (; i < limit; i++) {
    const c = text[i] ?? '';
    if (' \t\n;&|<>()'.includes(c)) break;
    if (text.startsWith(OPENING, i)) return { delimiter, quoted, end: i + OPENING.length, placeholder: true };
    if (c === '\\') {
      quoted = true;
      i++;
      if (text[i] !== '\n') delimiter += text[i] ?? '';
    } else if (c === "'" || c === '"') {
      quoted = true;
      const close = text.indexOf(c, i + 1);
      const end = close < 0 || close > limit ? limit : close;
      delimiter += text.slice(i + 1, end);
      i = end;
    } else delimiter += c;
  }
  return { delimiter, quoted, end: Math.min(i, limit), placeholder: false };
}

/** From the start of the body: where it ends, and where reading goes on behind the delimiter's line. */
export function bodyOf(
  text: string,
  from: number,
  limit: number,
  heredoc: Heredoc,
): { bodyEnd: number; resume: number } {
  let continued = false;
  for (let start = from; start < limit; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 || newline > limit ? limit : newline;
    const first = heredoc.stripsTabs ? afterTabs(text, start, end) : start;
    const isDelimiter = end - first === heredoc.delimiter.length && text.startsWith(heredoc.delimiter, first);
    if (isDelimiter && !continued) return { bodyEnd: start, resume: Math.min(limit, end + 1) };
    continued = !heredoc.quoted && endsInBackslash(text, start, end);
    start = end + 1;
  }
  return { bodyEnd: limit, resume: limit };
}

function afterTabs(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && text[i] === '\t') i++;
  return i;
}

/** An odd number of backslashes: the newline is taken back, and the next line is no line of its own. */
function endsInBackslash(text: string, start: number, end: number): boolean {
  let i = end;
  while (i > start && text[i - 1] === '\\') i--;
  return (end - i) % 2 === 1;
}
