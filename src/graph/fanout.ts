import { DEFAULT_RANGE_START, DEFAULT_RANGE_STEP } from '../apis/defaults.ts';
import type { Diagnostic } from '../apis/diagnostic.ts';
import type { Foreach } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { MAX_FANOUT_ELEMENTS } from '../base/limits.ts';
import { NONE } from '../base/none.ts';
import { evaluate } from '../expressions/expression.ts';
import type { Scope } from '../expressions/scope.ts';
import { renderText, type Template } from '../expressions/template.ts';
import { ABSENT, fromJson, toJson } from '../expressions/value.ts';
import { Element, type ExpandedTemplate } from './element.ts';
import { joinKey, keySegment } from './keys.ts';
import { absolutePath } from './paths.ts';
import { parseSheet } from './sheet.ts';
import type { TaskTemplate, TextField } from './template.ts';

/**
 * `foreach`: from one source to elements with stable keys. The set of elements is the set of keys; order is
 * order of the source. Nothing here looks at files: sheets come in as text.
 */
export interface FanoutContext {
  readonly scope: Scope;
  readonly workdir: string;
  /** Text of sheets by absolute path. */
  readonly sheets: ReadonlyMap<string, string>;
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  readonly report: (diagnostic: Diagnostic) => void;
}

interface Raw {
  readonly item: Json;
  readonly key: string | undefined;
  readonly counterparts: Element['counterparts'];
  /** For messages: `line 3`, `item 2`. */
  readonly where: string;
}

export function expandFanout(context: FanoutContext, template: TaskTemplate): Element[] {
  const foreach = template.spec.foreach as Foreach;
  const raw = sourceElements(context, template, foreach);
  if (raw.length > MAX_FANOUT_ELEMENTS) {
    report(
      context,
      template,
      'E-LIMIT',
      [],
      `${raw.length} elements are more than MAX_FANOUT_ELEMENTS (${MAX_FANOUT_ELEMENTS})`,
    );
    return [];
  }
  const elements: Element[] = [];
  const seen = new Map<string, Raw>();
  for (const one of raw) {
    const key = elementKey(context, template, one);
    if (key === undefined) return [];
    const twin = seen.get(key);
    if (twin) {
      report(context, template, 'E-KEY', ['key'], `two elements share the key ${key} (${twin.where}, ${one.where})`);
      return [];
    }
    seen.set(key, one);
    elements.push(new Element(joinKey(template.name, keySegment(key)), key, one.item, one.counterparts));
  }
  return elements;
}

function elementKey(context: FanoutContext, template: TaskTemplate, one: Raw): string | undefined {
  if (!template.key) {
    if (one.key !== undefined) return one.key;
    report(
      context,
      template,
      'E-KEY',
      [],
      `${one.where} is not a scalar: its key cannot be guessed`,
      'Add key: "${{ item.… }}".',
    );
    return undefined;
  }
  const text = renderText(template.key, { ...context.scope, item: fromJson(one.item) });
  if (text.ok) return text.value;
  report(context, template, 'E-EXPRESSION', ['key'], `${one.where}: ${text.error}`);
  return undefined;
}

function sourceElements(context: FanoutContext, template: TaskTemplate, foreach: Foreach): Raw[] {
  if (foreach.items) return foreach.items.map(listElement);
  if (foreach.itemsFrom !== undefined) return (listField(context, template, 'itemsFrom') ?? []).map(listElement);
  if (foreach.rows) return rowElements(context, template, foreach);
  if (foreach.range) return rangeElements(context, template, foreach.range);
  if (foreach.matrix) return matrixElements(context, template, foreach.matrix);
  if (foreach.each !== undefined) return eachElements(context, template, foreach.each);
  return [];
}

function listElement(item: Json, i: number): Raw {
  return { item, key: scalarText(item), counterparts: NONE, where: `item ${i + 1}` };
}

function scalarText(item: Json): string | undefined {
  return typeof item === 'string' ? item : item === null || typeof item === 'object' ? undefined : canonicalJson(item);
}

function rowElements(context: FanoutContext, template: TaskTemplate, foreach: Foreach): Raw[] {
  const rows = foreach.rows as NonNullable<Foreach['rows']>;
  const path = sheetPath(context, template);
  if (path === undefined) return [];
  const text = context.sheets.get(path);
  if (text === undefined) {
    report(context, template, 'E-SHEET', ['rows', 'path'], `the sheet ${path} does not exist or cannot be read`);
    return [];
  }
  const sheet = parseSheet(text, {
    format: rows.format ?? formatOf(path),
    ...(rows.columns ? { columns: rows.columns } : {}),
  });
  if (!sheet.ok) {
    for (const problem of sheet.error.slice(0, 20))
      report(context, template, 'E-SHEET', ['rows'], `${path}:${problem.line}: ${problem.message}`);
    return [];
  }
  if (!template.key && sheet.value.rows.length > 0) {
    report(
      context,
      template,
      'E-KEY',
      [],
      'foreach.rows needs key: rows are not addressed by position',
      'Add key: "${{ item.COLUMN }}" with a column that is unique.',
    );
    return [];
  }
  return sheet.value.rows.map((row, i) => ({
    item: row as Json,
    key: undefined,
    counterparts: NONE,
    where: `line ${sheet.value.lines[i] ?? i + 1}`,
  }));
}

function formatOf(path: string): 'CSV' | 'TSV' | 'JSON' | 'YAML' {
  if (/\.(tsv|tab|txt)$/i.test(path)) return 'TSV';
  if (/\.json$/i.test(path)) return 'JSON';
  return /\.ya?ml$/i.test(path) ? 'YAML' : 'CSV';
}

/** The absolute path of the sheet that `foreach.rows` names; undefined when its expression fails. */
export function sheetPath(
  context: Pick<FanoutContext, 'scope' | 'workdir' | 'report'>,
  template: TaskTemplate,
): string | undefined {
  const field = template.fanoutFields.find((f) => f.slot === 'rows.path');
  if (!field) return undefined;
  const text = renderText(field.template, context.scope);
  if (text.ok) return absolutePath(context.workdir, text.value);
  report(context, template, 'E-EXPRESSION', ['rows', 'path'], text.error);
  return undefined;
}

function rangeElements(context: FanoutContext, template: TaskTemplate, range: NonNullable<Foreach['range']>): Raw[] {
  const start = intField(context, template, 'start', range.start ?? DEFAULT_RANGE_START);
  const count = intField(context, template, 'count', range.count);
  const step = intField(context, template, 'step', range.step ?? DEFAULT_RANGE_STEP);
  if (start === undefined || count === undefined || step === undefined) return [];
  if (count < 0 || count > MAX_FANOUT_ELEMENTS) {
    report(
      context,
      template,
      'E-LIMIT',
      ['range', 'count'],
      `count ${count} is not within 0..${MAX_FANOUT_ELEMENTS} (MAX_FANOUT_ELEMENTS)`,
    );
    return [];
  }
  const width = /^%0?(\d{1,2})?d$/.exec(range.format ?? '%d');
  if (!width) {
    report(context, template, 'E-FORMAT', ['range', 'format'], `${range.format} is not of the form %05d`);
    return [];
  }
  const out: Raw[] = [];
  for (let i = 0; i < count; i++) {
    const n = start + i * step;
    const key = (n < 0 ? '-' : '') + String(Math.abs(n)).padStart(Number(width[1] ?? 1), '0');
    out.push({ item: n, key, counterparts: NONE, where: `element ${i + 1}` });
  }
  return out;
}

function matrixElements(context: FanoutContext, template: TaskTemplate, axes: NonNullable<Foreach['matrix']>): Raw[] {
  let out: { item: Record<string, Json>; parts: string[]; counterparts: { template: string; elementKey: string }[] }[] =
    [{ item: Object.create(null) as Record<string, Json>, parts: [], counterparts: [] }];
  for (const [i, axis] of axes.entries()) {
    const each = axis.each === undefined ? undefined : context.expanded.get(axis.each);
    const values = each
      ? each.elements.map((e): Json => e.elementKey as string)
      : (axis.values ?? listField(context, template, `matrix[${i}].valuesFrom`) ?? []);
    if (out.length * values.length > MAX_FANOUT_ELEMENTS) {
      report(
        context,
        template,
        'E-LIMIT',
        ['matrix'],
        `more than MAX_FANOUT_ELEMENTS (${MAX_FANOUT_ELEMENTS}) combinations`,
      );
      return [];
    }
    out = out.flatMap((prefix) =>
      values.map((value) => ({
        item: Object.assign(Object.create(null) as Record<string, Json>, prefix.item, { [axis.name]: value }),
        parts: [...prefix.parts, `${axis.name}=${scalarText(value) ?? canonicalJson(value)}`],
        counterparts: each
          ? [...prefix.counterparts, { template: axis.each as string, elementKey: value as string }]
          : prefix.counterparts,
      })),
    );
  }
  return out.map((o, i) => ({
    item: o.item,
    key: o.parts.join(','),
    counterparts: o.counterparts,
    where: `combination ${i + 1}`,
  }));
}

function eachElements(context: FanoutContext, template: TaskTemplate, name: string): Raw[] {
  const source = context.expanded.get(name);
  if (!source?.fanOut) {
    report(context, template, 'E-EACH', ['each'], `${name} is not a fan-out of this workflow`);
    return [];
  }
  return source.elements.map((e) => ({
    item: e.item ?? null,
    key: e.elementKey,
    counterparts: [{ template: name, elementKey: e.elementKey as string }],
    where: `element ${e.elementKey}`,
  }));
}

function field(template: TaskTemplate, slot: string): TextField | undefined {
  return template.fanoutFields.find((f) => f.slot === slot);
}

function listField(context: FanoutContext, template: TaskTemplate, slot: string): readonly Json[] | undefined {
  const value = fieldValue(context, template, field(template, slot));
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value as readonly Json[];
  report(context, template, 'E-TYPE', [slot], `needs one expression of a list`);
  return undefined;
}

function intField(
  context: FanoutContext,
  template: TaskTemplate,
  slot: string,
  literal: number | string,
): number | undefined {
  if (typeof literal === 'number') return literal;
  const value = fieldValue(context, template, field(template, `range.${slot}`));
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number)) return number;
  if (value !== undefined) report(context, template, 'E-TYPE', ['range', slot], `${slot} must be an int`);
  return undefined;
}

/** The value of an expression field; plain text is itself. */
function fieldValue(context: FanoutContext, template: TaskTemplate, text: TextField | undefined): Json | undefined {
  if (!text) return undefined;
  const only = onlyExpression(text.template);
  if (!only) return text.template.source;
  const value = evaluate(only, context.scope);
  if (value.ok && value.value !== ABSENT) return toJson(value.value);
  context.report({
    severity: 'error',
    code: 'E-EXPRESSION',
    path: text.path,
    message: value.ok ? 'is absent' : value.error,
    offset: only.offset,
    length: only.length,
  });
  void template;
  return undefined;
}

function onlyExpression(template: Template): Template['expressions'][number] | undefined {
  const [first] = template.expressions;
  return template.expressions.length === 1 && template.literals.every((l) => l.trim() === '') ? first : undefined;
}

function report(
  context: Pick<FanoutContext, 'report'>,
  template: TaskTemplate,
  code: string,
  at: readonly (string | number)[],
  message: string,
  hint?: string,
): void {
  context.report({ severity: 'error', code, path: ['spec', 'tasks', template.index, 'foreach', ...at], message, hint });
}
