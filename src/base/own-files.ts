/**
 * Where Fixpoint's own files that are no modules lie (shell, SQL, programs that were compiled): paths are those of `src/`.
 * The build puts modules together, but leaves each exactly one folder below this one.
 */
export const OWN_FILES = new URL('../', import.meta.url);
