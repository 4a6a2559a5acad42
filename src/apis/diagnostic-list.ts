import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import type { Diagnostic } from './diagnostic.ts';

/** Collects up to `MAX_DIAGNOSTICS`; the rest is only counted, so that a hostile document costs no memory. */
export class DiagnosticList<T extends Diagnostic> {
  readonly items: T[] = [];
  #more = 0;

  add(diagnostic: T): void {
    if (this.items.length < MAX_DIAGNOSTICS) this.items.push(diagnostic);
    else this.#more++;
  }

  get full(): boolean {
    return this.#more > 0;
  }

  /** The collected ones, and one more that says so if not all are among them. */
  finish(more: T): readonly T[] {
    return this.full ? [...this.items, more] : this.items;
  }
}

/** `spec.tasks[2].run`, as people write it; a key that is no plain word is quoted. */
export function formatPath(path: readonly (string | number)[]): string {
  let out = '';
  for (const step of path) {
    if (typeof step === 'number') out += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) out += out === '' ? step : `.${step}`;
    else out += `[${JSON.stringify(step)}]`;
  }
  return out;
}

/** One line: `FILE:LINE:COLUMN CODE PATH: MESSAGE HINT`. */
export function diagnosticLine(
  d: Diagnostic & { readonly file: string; readonly line: number; readonly column: number },
): string {
  return `${d.file}:${d.line}:${d.column} ${diagnosticText(d)}`;
}

/** The same of a document that has no lines: `CODE PATH: MESSAGE HINT`. `spec.` is left out, as everything stands in it. */
export function diagnosticText(d: Diagnostic): string {
  const path = formatPath(d.path[0] === 'spec' && d.path.length > 1 ? d.path.slice(1) : d.path);
  const text = d.hint === undefined ? d.message : `${d.message} ${d.hint}`;
  return `${d.code} ${path === '' ? '' : `${path}: `}${text}`;
}

const MAX_SHOWN = 5;

/** The first of these lines, and how many more there are: a report that people read. */
export function shortened(lines: readonly string[]): string {
  const more = lines.length - MAX_SHOWN;
  return more > 0 ? [...lines.slice(0, MAX_SHOWN), `and ${more} more`].join('\n') : lines.join('\n');
}
