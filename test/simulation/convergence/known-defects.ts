/**
 * Where the core does not do yet what the design says. Each entry keeps the histories away from one defect; when the
 * defect is mended, the entry and the lines that ask for it go. No entry is the goal.
 */
export const KNOWN_DEFECTS = {
  /** Only the newest success may stand: A → B → A runs even if the outputs of A are there (same bytes, or kept runs). */
  onlyNewestSuccessStands: false,
  /** A renamed task that starts with a tracked script is not adopted. */
  renamedScriptRuns: false,
  /** `plan` says Reset of a failed task with an older success, though it stays failed if its upstream's bytes do not change. */
  planResetsFailedTasks: false,
};
