import type { FunctionEntry } from './function-entry.ts';
import { LIST_FUNCTIONS } from './functions-lists.ts';
import { RESOURCE_FUNCTIONS } from './functions-resources.ts';
import { TEXT_FUNCTIONS } from './functions-text.ts';

/** The closed table of what expressions may call. */
export const FUNCTIONS: ReadonlyMap<string, FunctionEntry> = new Map([
  ...TEXT_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...RESOURCE_FUNCTIONS,
]);
