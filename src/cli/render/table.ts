import { displayWidth, oneLine } from './terminal-text.ts';

const GAP = '   ';

/** A table as kubectl prints it: upper-case headers, three spaces between columns, none at the end of a line. */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = headers.map((header) => header.length);
  for (const row of cells) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
  }
  const lines = [headers, ...cells].map((row) => renderRow(row, widths));
  return `${lines.join('\n')}\n`;
}

function renderRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell))))
    .join(GAP)
    .trimEnd();
}
