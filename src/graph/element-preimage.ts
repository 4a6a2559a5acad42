import { canonicalJson } from '../base/canonical-json.ts';
import type { Json } from '../base/json.ts';
import type { Definition, SharedDefinition } from './definition.ts';
import type { DefinitionPreimage, GraphOutput } from './graph.ts';

/** The pre-image of one element: what its template shares is not copied, and its text needs no object of all values. */
export class ElementPreimage implements DefinitionPreimage {
  readonly #shared: SharedDefinition;
  readonly #own: NonNullable<Definition['own']>;
  readonly #outputs: readonly GraphOutput[];

  constructor(shared: SharedDefinition, own: Definition['own'], outputs: readonly GraphOutput[]) {
    this.#shared = shared;
    this.#own = own ?? NO_VALUES;
    this.#outputs = outputs;
  }

  get template(): Json {
    return this.#shared.json;
  }

  get templateDigest(): string {
    return this.#shared.digest;
  }

  get values(): DefinitionPreimage['values'] {
    const values: Record<string, Json> = { ...this.#shared.constant, ...this.#own };
    for (const output of this.#outputs) values[slotOf(output)] = output.relative;
    return values;
  }

  get valuesText(): string {
    const { varying, end } = this.#form();
    let text = '';
    for (const { before, slot, output } of varying)
      text +=
        before +
        canonicalJson(output === undefined ? this.#own[slot] : (this.#outputs[output] as GraphOutput).relative);
    return text + end;
  }

  /** Most elements of a template have values in the same slots. */
  #form(): Form {
    const known = forms.get(this.#shared) ?? new Map<string, Form>();
    forms.set(this.#shared, known);
    const name = Object.keys(this.#own).join('\n');
    let form = known.get(name);
    if (!form) {
      if (known.size >= MAX_FORMS) known.clear();
      form = formOf(this.#shared.constant, Object.keys(this.#own), this.#outputs);
      known.set(name, form);
    }
    return form;
  }
}

const NO_VALUES: NonNullable<Definition['own']> = Object.freeze({});
const MAX_FORMS = 100;

/** The canonical text of all values in some slots, cut where an element has its own. */
interface Form {
  readonly varying: readonly {
    readonly before: string;
    readonly slot: string;
    /** Which output's path it is; undefined: the element's own value. */
    readonly output: number | undefined;
  }[];
  readonly end: string;
}

const forms = new WeakMap<SharedDefinition, Map<string, Form>>();

function formOf(constant: SharedDefinition['constant'], own: readonly string[], outputs: readonly GraphOutput[]): Form {
  const paths = new Map(outputs.map((output, i) => [slotOf(output), i]));
  const varying: Form['varying'][number][] = [];
  let text = '{';
  const slots = new Set([...Object.keys(constant), ...own, ...paths.keys()]);
  for (const [i, slot] of [...slots].sort().entries()) {
    text += `${i === 0 ? '' : ','}${JSON.stringify(slot)}:`;
    const output = paths.get(slot);
    if (output === undefined && !own.includes(slot)) text += canonicalJson(constant[slot]);
    else {
      varying.push({ before: text, slot, output });
      text = '';
    }
  }
  return { varying, end: `${text}}` };
}

function slotOf({ name }: GraphOutput): string {
  return `outputs.${name}`;
}
