import type { Json } from '../base/json.ts';
import type { BoundOutput } from './bound-output.ts';
import type { TaskTemplate } from './template.ts';

/** One task before edges: a template bound to one element of its fan-out, or to none. */
export interface Element {
  /** `align/NA12878`: escaped, unique in the workflow. */
  readonly key: string;
  /** What `key` means in expressions: the text before escaping. */
  readonly elementKey: string | undefined;
  readonly item: Json | undefined;
  /** For `each` and matrix axes with `each`: whom it was made from. */
  readonly counterparts: readonly { readonly template: string; readonly elementKey: string }[];
  /** Set in this order while expanding. */
  workdir: string;
  inputs: readonly {
    readonly name: string;
    readonly paths: readonly string[];
    readonly list: boolean;
    /** What it is bound to where no upstream made anything, if that may be something else. */
    readonly fallback: readonly string[] | undefined;
  }[];
  outputs: readonly BoundOutput[];
}

export interface ExpandedTemplate {
  readonly template: TaskTemplate;
  readonly elements: readonly Element[];
  readonly byElementKey: ReadonlyMap<string, number>;
  readonly fanOut: boolean;
  /** Index of the first element in the graph. */
  readonly first: number;
}
