import { OWN_FILES } from '../base/own-files.ts';

/** Files that the package ships, beside the folder of the program. */
export const CRDS_FOLDER = new URL('../crds/', OWN_FILES);
