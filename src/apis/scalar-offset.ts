/**
 * Where in a file a character of a string value stands. The value is gone by the time somebody asks, so the
 * scalar is read again from its first character. Exact for plain and quoted scalars on one line and for literal
 * blocks (`|`); in folded ones the line breaks are counted as they fold, which is right unless lines are more
 * indented.
 */
export function offsetInScalar(text: string, start: number, offset: number): number {
  const first = text[start];
  if (first === '"') return inDoubleQuotes(text, start + 1, offset);
  if (first === "'") return inSingleQuotes(text, start + 1, offset);
  if (first === '|' || first === '>') return inBlock(text, start, offset, first === '>');
  return inPlain(text, start, offset);
}

/** Units of the file that one escape takes, from its backslash. */
function escapeLength(text: string, at: number): number {
  const kind = text[at + 1];
  return kind === 'x' ? 4 : kind === 'u' ? 6 : kind === 'U' ? 10 : 2;
}

/** A line break in a flow scalar: where the text goes on, and how many characters of the value it makes. */
function fold(text: string, at: number): { readonly next: number; readonly made: number } {
  const match = /[ \t]*\r?\n(?:[ \t]*\r?\n)*[ \t]*/y;
  match.lastIndex = at;
  const found = match.exec(text)?.[0] ?? '\n';
  const breaks = found.split('\n').length - 1;
  return { next: at + found.length, made: Math.max(1, breaks - 1) };
}

function inDoubleQuotes(text: string, start: number, offset: number): number {
  let at = start;
  let left = offset;
  while (left > 0 && at < text.length && text[at] !== '"') {
    if (text[at] === '\\' && /[\r\n]/.test(text[at + 1] ?? '')) {
      at = fold(text, at + 1).next;
    } else if (text[at] === '\\') {
      const length = escapeLength(text, at);
      left -= length === 10 && Number.parseInt(text.slice(at + 2, at + 10), 16) > 0xffff ? 2 : 1;
      at += length;
    } else if (startsBreak(text, at)) {
      const { next, made } = fold(text, at);
      left -= made;
      at = next;
    } else {
      at++;
      left--;
    }
  }
  return at;
}

/** True where blanks, if any, are followed by the end of the line: they are dropped together with it. */
function startsBreak(text: string, at: number): boolean {
  const c = text[at];
  if (c === '\n' || c === '\r') return true;
  if (c !== ' ' && c !== '\t') return false;
  let next = at;
  while (text[next] === ' ' || text[next] === '\t') next++;
  return text[next] === '\n' || text[next] === '\r';
}

function inSingleQuotes(text: string, start: number, offset: number): number {
  let at = start;
  let left = offset;
  while (left > 0 && at < text.length) {
    if (text[at] === "'") {
      if (text[at + 1] !== "'") break;
      at += 2;
      left--;
    } else if (startsBreak(text, at)) {
      const { next, made } = fold(text, at);
      left -= made;
      at = next;
    } else {
      at++;
      left--;
    }
  }
  return at;
}

function inPlain(text: string, start: number, offset: number): number {
  let at = start;
  let left = offset;
  while (left > 0 && at < text.length) {
    if (startsBreak(text, at)) {
      const { next, made } = fold(text, at);
      left -= made;
      at = next;
    } else {
      at++;
      left--;
    }
  }
  return at;
}

function inBlock(text: string, start: number, offset: number, folded: boolean): number {
  let line = text.indexOf('\n', start) + 1;
  if (line === 0) return start;
  const indent = blockIndent(text, start, line);
  let left = offset;
  while (line < text.length) {
    const end = lineEnd(text, line);
    const blank = text.slice(line, end).trim() === '';
    const content = Math.min(line + indent, end);
    const length = end - content;
    if (left <= length) return content + left;
    const next = text.indexOf('\n', end) + 1;
    if (next === 0) return end;
    // In a folded block one break between two lines of text is a space; of several, the first vanishes.
    const swallowed = folded && !blank && text.slice(next, lineEnd(text, next)).trim() === '';
    left -= length + (swallowed ? 0 : 1);
    line = next;
  }
  return text.length;
}

function lineEnd(text: string, line: number): number {
  const end = text.indexOf('\n', line);
  if (end === -1) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}

/** The indentation of the first line with text. An explicit indicator counts from the parent's, which is not known here. */
function blockIndent(text: string, start: number, firstLine: number): number {
  const header = /^[|>][-+]?([1-9])?/.exec(text.slice(start, start + 3));
  const explicit = header?.[1];
  if (explicit !== undefined) return Number(explicit) + parentIndent(text, start);
  for (let line = firstLine; line < text.length; ) {
    const end = lineEnd(text, line);
    const content = text.slice(line, end);
    if (content.trim() !== '') return content.length - content.trimStart().length;
    const next = text.indexOf('\n', end) + 1;
    if (next === 0) break;
    line = next;
  }
  return 0;
}

/** Indentation of the map or list that holds the scalar: blanks, and dashes of lists written on the same line. */
function parentIndent(text: string, start: number): number {
  const line = text.lastIndexOf('\n', start - 1) + 1;
  const before = /^ *(?:- +)*/.exec(text.slice(line, start))?.[0] ?? '';
  return before.length;
}
