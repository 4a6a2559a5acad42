/** Files that the package ships: two folders up from here in the sources and in the built package alike. */
export const CRDS_FOLDER = new URL('../../crds/', import.meta.url);
