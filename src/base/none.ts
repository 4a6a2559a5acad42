/** The one empty list, for what there is one of for every task and what is mostly empty. */
export const NONE: readonly never[] = Object.freeze([]);
