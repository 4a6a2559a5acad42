import type { Diagnostic } from '../apis/diagnostic.ts';
import { GROUP } from '../apis/meta.ts';
import type { Workflow, WorkflowDocument } from '../apis/workflow.ts';
import type { Result } from '../base/result.ts';

// Sources bring desired state to a home: they apply documents and delete workflows, and know nothing else about it.
// They import nothing to their right; this port is what a home must offer them.

/** Annotation: the absolute path of the file that a watched folder applied the workflow from. It owns the workflow. */
export const SOURCE_ANNOTATION = `${GROUP}/source`;
/**
 * Annotation: the inode of the watched folder at that time. After a restart it tells an emptied folder from a mount
 * point whose file system is missing. (Device numbers change with a reboot, so they are compared in memory only.)
 */
export const SOURCE_INODE_ANNOTATION = `${GROUP}/source-inode`;

export interface SourceHome {
  apply(document: WorkflowDocument): Promise<Result<SourceApplied, SourceRefusal>>;
  get(ref: SourceRef): Promise<Result<Workflow, SourceRefusal>>;
  delete(ref: SourceRef): Promise<Result<unknown, SourceRefusal>>;
  list(): Promise<{ readonly items: readonly Workflow[] }>;
  /**
   * What the owner now says about a workflow cannot be used, so the last good generation stays in force. The
   * message names the file. Holds until
   * the next `apply` of the workflow that succeeds, also one that changes nothing.
   */
  reportInvalid?(ref: SourceRef, message: string): Promise<void> | void;
  /** Its file is gone in a way that is not believed (`SourceSuspect`); `undefined`: no longer so. */
  reportSuspect?(ref: SourceRef, message: string | undefined): Promise<void> | void;
}

export interface SourceRef {
  readonly namespace: string;
  readonly name: string;
}

export interface SourceApplied {
  readonly outcome: 'Created' | 'Configured' | 'Unchanged';
  readonly warnings: readonly Diagnostic[];
}

export interface SourceRefusal {
  readonly reason: 'Invalid' | 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Unavailable';
  readonly message: string;
  readonly diagnostics?: readonly Diagnostic[];
}
