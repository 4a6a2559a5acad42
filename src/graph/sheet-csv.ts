import { MAX_FANOUT_ELEMENTS, MAX_SHEET_COLUMNS } from '../base/limits.ts';
import { emptyRow, quoted, type RawRow, type SheetProblems } from './sheet-row.ts';

// Delimited text after RFC 4180: a header row, cells optionally in double quotes, a doubled quote inside them for a
// quote. Lines end in LF, CRLF or CR; those that are wholly empty count for nothing. A quote inside an unquoted cell
// is a character like any other.

interface Line {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The rows below the header, as strings; a row with another number of cells than the header is a problem. */
export function delimitedRows(text: string, delimiter: ',' | '\t', problems: SheetProblems): readonly RawRow[] {
  const scanner = new Scanner(text, delimiter, problems);
  const header = scanner.next();
  if (header === undefined) {
    if (problems.isEmpty) problems.add(1, 'the sheet is empty: its first line must name the columns');
    return [];
  }
  if (!checkHeader(header, problems)) return [];
  const rows: RawRow[] = [];
  for (let next = scanner.next(); next !== undefined; next = scanner.next()) {
    if (rows.length > MAX_FANOUT_ELEMENTS || problems.isFull) return rows;
    const { line, cells } = next;
    if (cells.length !== header.cells.length) {
      problems.add(line, `this row has ${cells.length} cells, the header has ${header.cells.length}`);
      continue;
    }
    const row = emptyRow();
    for (const [i, name] of header.cells.entries()) row[name] = cells[i] ?? '';
    rows.push({ line, cells: row });
  }
  return rows;
}

function checkHeader(header: Line, problems: SheetProblems): boolean {
  if (header.cells.length > MAX_SHEET_COLUMNS) {
    problems.add(header.line, `more than ${MAX_SHEET_COLUMNS} columns (MAX_SHEET_COLUMNS)`);
    return false;
  }
  const seen = new Map<string, number>();
  for (const [i, name] of header.cells.entries()) {
    const before = seen.get(name);
    if (name === '') problems.add(header.line, `column ${i + 1} has no name`);
    else if (before !== undefined)
      problems.add(header.line, `columns ${before + 1} and ${i + 1} are both named ${quoted(name)}`);
    else seen.set(name, i);
  }
  return problems.isEmpty;
}

/** Cuts the text into lines of cells, one line at each call. */
class Scanner {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #problems: SheetProblems;
  #at = 0;
  #line = 1;

  constructor(text: string, delimiter: string, problems: SheetProblems) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#problems = problems;
  }

  /** The next line that is not empty; undefined at the end, and after a problem with quotes: all after it is guesswork. */
  next(): Line | undefined {
    while (this.#isLineEnd()) this.#passLineEnd();
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const cells: string[] = [];
    for (;;) {
      const cell = this.#text[this.#at] === '"' ? this.#quotedCell() : this.#plainCell();
      if (cell === undefined) {
        this.#at = this.#text.length;
        return undefined;
      }
      cells.push(cell);
      if (this.#text[this.#at] !== this.#delimiter) break;
      this.#at += 1;
    }
    this.#passLineEnd();
    return { line, cells };
  }

  #plainCell(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== this.#delimiter && !this.#isLineEnd())
      this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  #quotedCell(): string | undefined {
    const opened = this.#line;
    const start = this.#at + 1;
    let end = this.#text.indexOf('"', start);
    while (end !== -1 && this.#text[end + 1] === '"') end = this.#text.indexOf('"', end + 2);
    if (end === -1) {
      this.#problems.add(opened, 'a quoted cell begins here and does not end');
      return undefined;
    }
    const inner = this.#text.slice(start, end);
    this.#line += inner.match(/\r\n|\n|\r/g)?.length ?? 0;
    this.#at = end + 1;
    const ends = this.#at >= this.#text.length || this.#text[this.#at] === this.#delimiter || this.#isLineEnd();
    if (ends) return inner.replaceAll('""', '"');
    this.#problems.add(
      this.#line,
      'text follows the closing quote of a cell; a quote inside a quoted cell is written ""',
    );
    return undefined;
  }

  #isLineEnd(): boolean {
    const char = this.#text[this.#at];
    return char === '\n' || char === '\r';
  }

  #passLineEnd(): void {
    if (this.#at >= this.#text.length) return;
    this.#at += this.#text[this.#at] === '\r' && this.#text[this.#at + 1] === '\n' ? 2 : 1;
    this.#line += 1;
  }
}
