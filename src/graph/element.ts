import type { Json } from '../base/json.ts';
import { NONE } from '../base/none.ts';
import { BoundOutput, type DeclaredOutput } from './bound-output.ts';
import type { TaskTemplate } from './template.ts';

export interface BoundInput {
  readonly name: string;
  readonly paths: readonly string[];
  readonly list: boolean;
  /** What it is bound to where no upstream made anything, if that may be something else. */
  readonly fallback: readonly string[] | undefined;
}

/** For `each` and matrix axes with `each`: whom an element was made from. */
export interface Counterpart {
  readonly template: string;
  readonly elementKey: string;
}

/** One task before edges: a template bound to one element of its fan-out, or to none. */
export class Element {
  /** `align/NA12878`: escaped, unique in the workflow. */
  readonly key: string;
  /** What `key` means in expressions: the text before escaping. */
  readonly elementKey: string | undefined;
  readonly item: Json | undefined;
  readonly counterparts: readonly Counterpart[];
  /** Set in this order while expanding: workdir, inputs, outputs. */
  workdir = '';
  inputs: readonly BoundInput[] = NONE;
  #declared: readonly DeclaredOutput[] = NONE;
  /** Mostly there is one, and no list of it. */
  #paths: string | readonly string[] = NONE;

  constructor(
    key: string,
    elementKey: string | undefined,
    item: Json | undefined,
    counterparts: readonly Counterpart[] = NONE,
  ) {
    this.key = key;
    this.elementKey = elementKey;
    this.item = item;
    this.counterparts = counterparts;
  }

  /** Where each of the declared outputs lies. */
  bindOutputs(declared: readonly DeclaredOutput[], paths: readonly string[]): void {
    this.#declared = declared;
    this.#paths = paths.length === 1 ? (paths[0] as string) : paths;
  }

  /** Made when somebody asks: there is one for every file of a workflow. */
  get outputs(): readonly BoundOutput[] {
    const declared = this.#declared;
    if (declared.length === 0) return NONE;
    if (typeof this.#paths === 'string') return [new BoundOutput(declared[0] as DeclaredOutput, this.#paths)];
    return this.#paths.map((path, i) => new BoundOutput(declared[i] as DeclaredOutput, path));
  }
}

export interface ExpandedTemplate {
  readonly template: TaskTemplate;
  readonly elements: readonly Element[];
  readonly byElementKey: ReadonlyMap<string, number>;
  readonly fanOut: boolean;
  /** Index of the first element in the graph. */
  readonly first: number;
}
