/**
 * The vocabulary of the hand-written schemas (`workflow-schema.ts` and the files beside it). One tree says
 * everything about a field; `json-schema.ts` makes the validator's and the editor's schema of it, `crd.ts` the
 * cluster's, and the reference page is printed from the descriptions.
 *
 * Beside JSON Schema there are Kubernetes' own words, which say how lists merge and what the cluster checks by CEL, and
 * three of ours: `x-fixpoint-text` says what `${{ }}` may do in a string, `x-fixpoint-format` what a literal string must
 * be, `x-fixpoint-one-of` which fields exclude one another.
 */
export interface SchemaNode {
  readonly description: string;
  /** Absent where any JSON is allowed, and for int-or-string. */
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** Closed: what is not listed is an unknown field. */
  readonly properties?: { readonly [name: string]: SchemaNode };
  readonly required?: readonly string[];
  /** A map from free names to values of one kind. Never together with `properties`. */
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  /** `map` lists merge by their keys, `set` lists have no order and no doubles, `atomic` ones are replaced. */
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  /**
   * For the cluster alone, and short: what a rule could cost at most counts against a budget, times the entries of all
   * lists around it. The validator checks the same by itself (`task-rules.ts`). A null counts as absent.
   */
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
  /** Exactly one of these fields is set; a null counts as absent. The validator: `task-rules.ts`. */
  readonly 'x-fixpoint-one-of'?: readonly string[];
  readonly 'x-fixpoint-text'?: TextKind;
  readonly 'x-fixpoint-format'?: TextFormat;
}

/**
 * `literal`: no `${{` at all. `text`: any number of `${{ }}`. `expression`: exactly one. `script`: shell text.
 * `data`: never evaluated, `${{` in it is text.
 */
export type TextKind = 'literal' | 'text' | 'expression' | 'script' | 'data';

/** What a string must be where it holds no `${{`. */
export type TextFormat =
  | 'task-name'
  | 'name'
  | 'env-name'
  | 'param-type'
  | 'mode'
  | 'key'
  | 'integer'
  | 'quantity'
  | 'count'
  | 'duration'
  | 'walltime';

/** The language's rule for the name of a task; parts of a task are named alike, because names become variables. */
export const NAME_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$';
export const ENV_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_]*$';
/** Kubernetes' rule for the value of a label; empty is a value. */
export const LABEL_VALUE_PATTERN = '^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$';
