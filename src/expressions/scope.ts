import type { ABSENT, Value } from './value.ts';

/**
 * The values behind the names of section 5 of the language. What is missing here cannot be read at all;
 * what is `ABSENT` can be read through `default`, `has` and `.?` only.
 *
 * Paths are plain strings, already relative to the reader's working directory.
 */
export interface Scope {
  readonly params?: { readonly [name: string]: Value };
  readonly item?: Value;
  readonly key?: string;
  readonly tasks?: { readonly [name: string]: TaskValue };
  readonly inputs?: Paths;
  readonly outputs?: Paths;
  readonly files?: Paths;
  readonly resources?: { readonly [name: string]: Value };
  readonly attempt?: Value;
  readonly workflow?: { readonly [name: string]: Value };
  /** Size of a file in bytes; throws nothing: a file that is not there has been refused before. */
  readonly filesize?: (path: string) => bigint;
}

export type PathValue = string | readonly string[] | typeof ABSENT;

export interface Paths {
  readonly [name: string]: PathValue;
}

export interface TaskValue {
  readonly phase: string;
  readonly reason: string;
  readonly outputs: Paths;
  /** Keys of a fan-out's elements, in element order. */
  readonly keys?: readonly string[];
  readonly failed?: readonly string[];
  /** One element of a fan-out, or those of a list of keys: then each output is a list. */
  readonly at?: (key: string | readonly string[]) => TaskValue;
}

/** An own property, or undefined: names of users never reach a prototype. */
export function ownValue<T>(record: { readonly [name: string]: T } | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
