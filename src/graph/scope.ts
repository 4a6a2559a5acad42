import type { WorkflowSpec } from '../apis/workflow.ts';
import type { Json } from '../base/json.ts';
import type { Scope, TaskValue } from '../expressions/scope.ts';
import { valueOfType } from '../expressions/types.ts';
import { ABSENT, fromJson, type Value } from '../expressions/value.ts';
import type { Element, ExpandedTemplate } from './element.ts';
import { absolutePath, pathFrom } from './paths.ts';

/**
 * What names mean for one element. Paths are written the way the reader needs them: relative to the workflow's
 * working directory where that is also the reader's, else absolute. Identity always uses the relative form.
 */
export interface ScopeSource {
  readonly workdir: string;
  readonly params: Readonly<Record<string, Json>>;
  /** Declared types of parameters by name, `any` where only the name is declared. */
  readonly paramTypes: ReadonlyMap<string, string>;
  readonly workflow: { readonly name: string; readonly namespace: string };
  readonly expanded: ReadonlyMap<string, ExpandedTemplate>;
  /** How upstreams ended, at launch; while the graph is built every declared output counts as made. */
  readonly upstream?: ((index: number) => UpstreamState) | undefined;
}

export interface UpstreamState {
  readonly phase: string;
  readonly reason: string;
  /** Paths by output name; several for a glob. A name that is not there is absent. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
}

export type PathForm = 'relative' | 'absolute';

export function paramTypesOf(spec: WorkflowSpec): ReadonlyMap<string, string> {
  return new Map((spec.paramSchema ?? []).map((p) => [p.name, p.type ?? 'any']));
}

/** Where a path of the workflow lies in an attempt's own folder; undefined: outside, so it stays where it is. */
export function stagedPath(workdir: string, root: string, path: string): string | undefined {
  const inside = pathFrom(workdir, path);
  return inside.startsWith('/') ? undefined : absolutePath(root, inside);
}

export class Scopes {
  readonly #source: ScopeSource;
  readonly #params = new Map<PathForm, Record<string, Value>>();
  readonly #workflow: ScopeSource['workflow'];
  readonly #tasks = new Map<string, TaskValue>();

  constructor(source: ScopeSource) {
    this.#source = source;
    this.#workflow = Object.freeze({ ...source.workflow });
  }

  /** The form in which this element's command reads paths. */
  formFor(element: Pick<Element, 'workdir'>): PathForm {
    return element.workdir === this.#source.workdir ? 'relative' : 'absolute';
  }

  /** Names that need neither element nor other tasks. */
  global(form: PathForm): Scope {
    return { params: this.#paramValues(form), workflow: this.#workflow };
  }

  /** `tasks` are those that the caller's expressions mention. */
  of(
    element: Pick<Element, 'item' | 'elementKey' | 'inputs' | 'outputs'>,
    form: PathForm,
    tasks: Iterable<string>,
  ): Scope {
    let values: Record<string, TaskValue> = NOTHING;
    for (const name of tasks) {
      const value = this.task(name, form);
      if (!value) continue;
      if (values === NOTHING) values = Object.create(null) as Record<string, TaskValue>;
      values[name] = value;
    }
    const { item, elementKey, inputs, outputs } = element;
    // One object, without spreads: there is a scope for every element, several times.
    const scope: { -readonly [K in keyof Scope]: Scope[K] } = {
      params: this.#paramValues(form),
      workflow: this.#workflow,
      tasks: values,
      inputs: inputs.length === 0 ? NOTHING : record(inputs.map((i) => [i.name, this.#inputValue(i, form)])),
      outputs: outputs.length === 0 ? NOTHING : record(outputs.map((o) => [o.name, this.write(o.path, form)])),
    };
    if (item !== undefined) scope.item = fromJson(item);
    if (elementKey !== undefined) scope.key = elementKey;
    return scope;
  }

  /** A path as the reader writes it. */
  write(path: string, form: PathForm): string {
    return form === 'relative' ? pathFrom(this.#source.workdir, path) : path;
  }

  task(name: string, form: PathForm): TaskValue | undefined {
    const cacheKey = `${form}:${name}`;
    const cached = this.#tasks.get(cacheKey);
    if (cached) return cached;
    const expanded = this.#source.expanded.get(name);
    if (!expanded) return undefined;
    const value = expanded.fanOut ? this.#fanOutValue(expanded, form) : this.#elementValue(expanded, 0, form);
    this.#tasks.set(cacheKey, value);
    return value;
  }

  #inputValue(input: Element['inputs'][number], form: PathForm): string | readonly string[] | typeof ABSENT {
    const paths = input.paths.map((p) => this.write(p, form));
    return input.list ? paths : (paths[0] ?? ABSENT);
  }

  #paramValues(form: PathForm): Record<string, Value> {
    const cached = this.#params.get(form);
    if (cached) return cached;
    const values: Record<string, Value> = Object.create(null) as Record<string, Value>;
    // Declared and without a value means optional, since `checkParams` has passed: absent, as null is.
    const absent = ABSENT as unknown as Value;
    for (const name of this.#source.paramTypes.keys()) values[name] = absent;
    for (const [name, value] of Object.entries(this.#source.params))
      values[name] = value === null ? absent : this.#paramValue(value, this.#source.paramTypes.get(name), form);
    this.#params.set(form, values);
    return values;
  }

  #paramValue(value: Json, type: string | undefined, form: PathForm): Value {
    if (type === 'path' && typeof value === 'string')
      return this.write(absolutePath(this.#source.workdir, value), form);
    const typed = type === undefined ? undefined : valueOfType(value, type);
    return typed?.ok ? typed.value : fromJson(value);
  }

  #elementValue(expanded: ExpandedTemplate, at: number, form: PathForm): TaskValue {
    const element = expanded.elements[at] as Element;
    const state = this.#source.upstream?.(expanded.first + at);
    const outputs = element.outputs.map((o): [string, string | readonly string[] | typeof ABSENT] => {
      if (!state) return [o.name, o.glob ? [] : this.write(o.path, form)];
      const made = state.outputs.get(o.name)?.map((p) => this.write(p, form));
      return [o.name, o.glob ? (made ?? []) : (made?.[0] ?? ABSENT)];
    });
    return { phase: state?.phase ?? '', reason: state?.reason ?? '', outputs: record(outputs) };
  }

  #fanOutValue(expanded: ExpandedTemplate, form: PathForm): TaskValue {
    const all = expanded.elements.map((_, at) => at);
    return {
      ...this.#listValue(expanded, all, form),
      at: (wanted) => {
        const find = (key: string): number => {
          const at = expanded.byElementKey.get(key);
          if (at === undefined) throw new Error(`tasks.${expanded.template.name} has no element ${key}`);
          return at;
        };
        return typeof wanted === 'string'
          ? this.#elementValue(expanded, find(wanted), form)
          : this.#listValue(expanded, wanted.map(find), form);
      },
    };
  }

  /** A fan-out seen from outside: lists in element order over the elements that have a value. */
  #listValue(expanded: ExpandedTemplate, at: readonly number[], form: PathForm): TaskValue {
    const lists: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    for (const output of expanded.template.outputs) lists[output.spec.name] = [];
    const keys: string[] = [];
    const failed: string[] = [];
    let phase = 'Succeeded';
    for (const index of at) {
      const element = expanded.elements[index] as Element;
      const value = this.#elementValue(expanded, index, form);
      keys.push(element.elementKey ?? '');
      if (value.phase === 'Failed') failed.push(element.elementKey ?? '');
      if (value.phase !== 'Succeeded' && phase !== 'Failed') phase = value.phase;
      for (const [name, path] of Object.entries(value.outputs)) {
        if (typeof path === 'string') (lists[name] as string[]).push(path);
        else if (Array.isArray(path)) (lists[name] as string[]).push(...(path as readonly string[]));
      }
    }
    return { phase, reason: '', outputs: lists, keys, failed };
  }
}

const NOTHING: Record<string, never> = Object.freeze(Object.create(null)) as Record<string, never>;

/** A map without a prototype: `__proto__` is a name like any other. */
function record<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  const out: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const [name, value] of entries) out[name] = value;
  return out;
}
