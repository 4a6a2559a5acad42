import { decodeText } from '../apis/decode.ts';
import type { PositionTable } from '../apis/positions.ts';
import type { Json } from '../base/json.ts';
import { MAX_FANOUT_ELEMENTS } from '../base/limits.ts';
import { emptyRow, type RawRow, type SheetProblems } from './sheet-row.ts';

// Sheets in JSON and YAML: a list of objects, one per row. Read as documents are, so that doubled keys and values
// that YAML readers disagree about are errors here too. `null` cells are absent, all others keep their type.

export function jsonRows(text: string, problems: SheetProblems): readonly RawRow[] {
  // Without this a text in YAML would pass: a reader of documents takes either.
  if (/^\s*\[/.test(text)) return listRows(text, 'sheet.json', problems);
  problems.add(1, NO_LIST);
  return [];
}

export function yamlRows(text: string, problems: SheetProblems): readonly RawRow[] {
  return listRows(text, 'sheet.yaml', problems);
}

const NO_LIST = 'the sheet must be a list with one object per row';

function listRows(text: string, name: string, problems: SheetProblems): readonly RawRow[] {
  const { documents, diagnostics } = decodeText(text, name);
  for (const { line, message } of diagnostics) problems.add(line, message);
  if (!problems.isEmpty) return [];
  const document = documents.length === 1 ? documents[0] : undefined;
  if (document === undefined || !Array.isArray(document.value)) {
    problems.add(1, NO_LIST);
    return [];
  }
  const lines = entryLines(text, document.positions);
  const rows: RawRow[] = [];
  for (const [i, entry] of (document.value as readonly Json[]).entries()) {
    if (rows.length > MAX_FANOUT_ELEMENTS || problems.isFull) return rows;
    const line = lines[i] ?? 1;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      problems.add(line, `row ${i + 1} is no object`);
      continue;
    }
    const cells = emptyRow();
    for (const [column, cell] of Object.entries(entry)) if (cell !== null && cell !== undefined) cells[column] = cell;
    rows.push({ line, cells });
  }
  return rows;
}

/** The line of each entry of the outermost list. One pass: positions come in the order of the text. */
function entryLines(text: string, { cells }: PositionTable): readonly number[] {
  const lines: number[] = [];
  let line = 1;
  let newline = text.indexOf('\n');
  const end = cells[NEXT] ?? 0;
  for (let entry = 1; entry < end; entry = cells[entry * WIDTH + NEXT] ?? end) {
    const offset = cells[entry * WIDTH + OFFSET] ?? 0;
    while (newline !== -1 && newline < offset) {
      line += 1;
      newline = text.indexOf('\n', newline + 1);
    }
    lines.push(line);
  }
  return lines;
}

// The layout of a position table: four numbers for each value, see `PositionTable`.
const WIDTH = 4;
const OFFSET = 2;
const NEXT = 3;
