/** Where lines begin in a text; `\r\n` and `\n` end a line. Built once per text, on the first question. */
export class SourceText {
  readonly text: string;
  #lineStarts: number[] | undefined;
  #wide: boolean | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Line and column of an offset, both from 1; the column counts characters, not UTF-16 units. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const at = Math.max(0, Math.min(offset, this.text.length));
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    const start = starts[low] ?? 0;
    return { line: low + 1, column: at - start - this.#pairs(start, at) + 1 };
  }

  /** The offset at which a line (from 1) begins; the end of the text if it has fewer lines. */
  lineStart(line: number): number {
    return this.#starts()[line - 1] ?? this.text.length;
  }

  #starts(): number[] {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    return starts;
  }

  /** Characters outside the basic plane take two units; most texts have none, which is found out once. */
  #pairs(start: number, end: number): number {
    this.#wide ??= /[\ud800-\udbff]/.test(this.text);
    if (!this.#wide) return 0;
    let pairs = 0;
    for (let at = start; at < end - 1; at++) {
      const unit = this.text.charCodeAt(at);
      if (unit >= 0xd800 && unit <= 0xdbff) {
        pairs++;
        at++;
      }
    }
    return pairs;
  }
}

/** Why a character may not stand in a document, for the characters that `FORBIDDEN` finds. */
const FORBIDDEN =
  // oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffd-\uffff]|\r(?!\n)|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * The first character that no document may hold, or undefined. YAML readers disagree about some of them (a line
 * ends at U+0085 and U+2028 for kubectl only), and others stand for bytes that were not UTF-8.
 */
export function findForbidden(text: string): { readonly offset: number; readonly message: string } | undefined {
  const match = FORBIDDEN.exec(text);
  if (match === null) return undefined;
  const code = text.charCodeAt(match.index);
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  if (code === 0) return { offset: match.index, message: 'a NUL byte: this is no text file.' };
  if (code === 0xfffd || (code >= 0xd800 && code <= 0xdfff)) {
    return { offset: match.index, message: `${name} stands where the file is not valid UTF-8.` };
  }
  if (code === 0x0d) return { offset: match.index, message: 'a carriage return alone; lines end with LF or CRLF.' };
  if (code === 0x85 || code === 0x2028 || code === 0x2029) {
    return { offset: match.index, message: `${name} ends a line for kubectl, but not in YAML 1.2.` };
  }
  return { offset: match.index, message: `the control character ${name} is not allowed.` };
}
