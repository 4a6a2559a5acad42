import type { Column } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { MAX_SHEET_PATTERN_WORK } from '../base/limits.ts';
import type { Result } from '../base/result.ts';
import { type TextPattern, textPattern } from '../expressions/regex.ts';
import { type CellReader, cellReader } from './sheet-cells.ts';
import { emptyRow, quoted, type RawRow, type Row, type SheetProblems } from './sheet-row.ts';

/** A declared column, ready to check its cells one after the other. */
interface ColumnCheck {
  readonly column: Column;
  readonly read: CellReader;
  /** Canonical JSON of the values allowed. */
  readonly allowed: ReadonlySet<string> | undefined;
  readonly pattern: TextPattern | undefined;
  /** Canonical JSON of the values so far, with their lines; only for `unique`. */
  readonly seen: Map<string, number> | undefined;
}

/** Gives cells their declared types. Cells of columns that are not declared stay as they are. */
export function typeRows(rows: readonly RawRow[], columns: readonly Column[], problems: SheetProblems): readonly Row[] {
  const checks = new Map<string, ColumnCheck>();
  for (const column of columns) {
    if (checks.has(column.name)) problems.add(1, `column ${quoted(column.name)} is declared twice`);
    const check = prepare(column, problems);
    if (check !== undefined) checks.set(column.name, check);
  }
  if (checks.size === 0 || !problems.isEmpty) return rows.map((row) => row.cells);
  return rows.map((row) => (problems.isFull ? row.cells : typeRow(row, checks, problems)));
}

function prepare(column: Column, problems: SheetProblems): ColumnCheck | undefined {
  const where = `column ${quoted(column.name)}`;
  const read = cellReader(column.type ?? 'string');
  if (read === undefined) {
    problems.add(1, `${where}: no cell can be of type ${quoted(column.type ?? '')}`);
    return undefined;
  }
  const allowed = column.enum === undefined ? undefined : new Set<string>();
  for (const member of column.enum ?? []) {
    const value = read(member);
    if (value.ok) allowed?.add(canonicalJson(value.value));
    else problems.add(1, `${where}: enum: ${value.error}`);
  }
  let pattern: Result<TextPattern, string> | undefined;
  if (column.pattern !== undefined) pattern = textPattern(column.pattern, MAX_SHEET_PATTERN_WORK);
  if (pattern?.ok === false) problems.add(1, `${where}: pattern: ${pattern.error}`);
  const seen = column.unique === true ? new Map<string, number>() : undefined;
  return { column, read, allowed, pattern: pattern?.ok ? pattern.value : undefined, seen };
}

function typeRow(row: RawRow, checks: ReadonlyMap<string, ColumnCheck>, problems: SheetProblems): Row {
  const cells = emptyRow();
  for (const [name, cell] of Object.entries(row.cells)) if (!checks.has(name)) cells[name] = cell;
  for (const [name, check] of checks) {
    const cell = row.cells[name];
    if (cell === undefined || cell === '') {
      const lack = cell === undefined ? 'is missing' : 'is empty';
      if (check.column.optional !== true) {
        problems.add(row.line, `column ${quoted(name)} ${lack}; if it may be, declare it optional: true`);
      }
      continue;
    }
    const value = checkCell(cell, check, row.line);
    if (value.ok) cells[name] = value.value;
    else problems.add(row.line, `column ${quoted(name)}: ${value.error}`);
  }
  return cells;
}

function checkCell(cell: Json, check: ColumnCheck, line: number): Result<Json, string> {
  const read = check.read(cell);
  if (!read.ok) return read;
  const canonical = canonicalJson(read.value);
  const text = typeof read.value === 'string' ? read.value : canonical;
  if (check.allowed !== undefined && !check.allowed.has(canonical)) {
    const some = (check.column.enum ?? []).slice(0, 10).map((member) => canonicalJson(member));
    return { ok: false, error: `${quoted(text)} is none of ${some.join(', ')}${some.length === 10 ? ', …' : ''}` };
  }
  const matched = check.pattern?.matches(text);
  if (matched?.ok === false) return matched;
  if (matched?.value === false) {
    return { ok: false, error: `${quoted(text)} does not match ${quoted(check.column.pattern ?? '')}` };
  }
  const twin = check.seen?.get(canonical);
  if (twin !== undefined)
    return { ok: false, error: `${quoted(text)} stands in lines ${twin} and ${line}, but is unique` };
  check.seen?.set(canonical, line);
  return read;
}
