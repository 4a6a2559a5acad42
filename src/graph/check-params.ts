import type { Diagnostic } from '../apis/diagnostic.ts';
import type { ParamSchema, WorkflowSpec } from '../apis/workflow.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import { MAX_DIAGNOSTICS } from '../base/limits.ts';
import { EvaluationFailure, Frame } from '../expressions/evaluation.ts';
import { patternAtRunTime } from '../expressions/pattern.ts';
import { valueOfType } from '../expressions/types.ts';
import { fromJson, typeName } from '../expressions/value.ts';

/**
 * The values of `params` against `paramSchema`: whether each declared parameter has one, of its type and within its
 * rules. `null` is no value. Parameters that no entry declares may be anything. A problem stands at the value, or at
 * the entry where there is no value or the rule itself is wrong; at most `MAX_DIAGNOSTICS` are given.
 */
export function checkParams(spec: WorkflowSpec): Diagnostic[] {
  const found: Diagnostic[] = [];
  // One budget for the patterns of the whole document: each may be cheap and all of them dear.
  const frame = new Frame({});
  for (const [index, schema] of (spec.paramSchema ?? []).entries()) {
    if (found.length >= MAX_DIAGNOSTICS) break;
    checkParam(spec, schema, ['spec', 'paramSchema', index], frame, (path, message, hint) =>
      found.push({ severity: 'error', code: 'E-PARAM', path, message, hint }),
    );
  }
  return found;
}

type Path = readonly (string | number)[];
type Report = (path: Path, message: string, hint?: string) => void;

function checkParam(spec: WorkflowSpec, schema: ParamSchema, entry: Path, frame: Frame, report: Report): void {
  const { name } = schema;
  const given = spec.params !== undefined && Object.hasOwn(spec.params, name);
  const value = given ? (spec.params[name] ?? null) : null;
  if (schema.pattern !== undefined && !patternWorks(schema.pattern, [...entry, 'pattern'], frame, report)) return;
  if (value === null) {
    if (schema.optional !== true)
      report(entry, `parameter ${name} has no value.`, `Give it by --param ${name}=… or in params.`);
    return;
  }
  const wrong = wrongType(value, schema.type) ?? ruleBroken(value, schema, frame);
  if (wrong !== undefined) report(['spec', 'params', name], wrong);
}

function wrongType(value: Json, type: string | undefined): string | undefined {
  if (type === undefined) return undefined;
  const read = valueOfType(value, type);
  return read.ok ? undefined : `${shown(value)}: ${read.error}.`;
}

/** The first rule that the value breaks, as a sentence. */
function ruleBroken(value: Json, schema: ParamSchema, frame: Frame): string | undefined {
  const { enum: allowed, pattern, minimum, maximum } = schema;
  if (allowed !== undefined) {
    const text = canonicalJson(value);
    if (!allowed.some((one) => canonicalJson(one) === text))
      return `${shown(value)} is none of the allowed values: ${allowed.slice(0, MAX_SHOWN_VALUES).map(shown).join(', ')}${allowed.length > MAX_SHOWN_VALUES ? ', …' : ''}.`;
  }
  if (pattern !== undefined) {
    if (typeof value !== 'string') return `${shown(value)} is ${kindOf(value)}; pattern is for text.`;
    const matched = attempt(() => patternAtRunTime(pattern, frame).found(value, frame));
    if (typeof matched === 'string') return `matching pattern ${matched}.`;
    if (!matched) return `${shown(value)} does not match ${shown(pattern)}.`;
  }
  if (minimum === undefined && maximum === undefined) return undefined;
  if (typeof value !== 'number') return `${shown(value)} is ${kindOf(value)}; minimum and maximum are for numbers.`;
  if (minimum !== undefined && value < minimum) return `${value} is less than minimum (${minimum}).`;
  if (maximum !== undefined && value > maximum) return `${value} is more than maximum (${maximum}).`;
  return undefined;
}

function patternWorks(source: string, path: Path, frame: Frame, report: Report): boolean {
  const problem = attempt(() => patternAtRunTime(source, frame));
  if (typeof problem !== 'string') return true;
  report(path, `${problem}.`);
  return false;
}

/** The value, or why there is none. */
function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof EvaluationFailure) return error.message;
    throw error;
  }
}

function kindOf(value: Json): string {
  return typeName(fromJson(value));
}

const MAX_SHOWN_VALUES = 10;
const MAX_SHOWN_CHARS = 60;

/** As JSON, cut where it is long: values may be whole tables. */
function shown(value: Json): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, MAX_SHOWN_CHARS + 1) : value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}
