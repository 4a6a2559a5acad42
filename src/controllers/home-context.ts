import type { FileSpace } from '../backends/backend.ts';
import type { Backends } from '../backends/backends.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { JournalLine, Store, StoredWorkflow } from '../store/store.ts';
import type { BackendSlots } from './backend-slots.ts';

/** `Passive` notes documents and requests for whoever runs next; `ReadOnly` writes nothing at all. */
export type Activity = 'Active' | 'Passive' | 'ReadOnly';

/** What all reconcilers of a home share. */
export interface HomeContext {
  readonly store: Store;
  readonly backends: Backends;
  /** Where documents, sheets, inputs and outputs lie. */
  readonly files: FileSpace;
  readonly slots: BackendSlots;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly activity: Activity;
  /** Records of a deleted workflow are kept under its name for a while, for one that takes it. */
  readonly keepsDeleted: boolean;
  readonly keepRuns: 'all' | 'failed' | 'none' | 'compact';
  /** Which task an attempt's token belongs to, over all workflows. */
  readonly tokens: Map<string, { readonly workflow: string; readonly key: string }>;
  /** Another workflow waits that what comes free is offered to before this one. */
  readonly othersGoFirst: (uid: string) => boolean;
  /** Tells watchers. */
  readonly published: (stored: StoredWorkflow, type: 'ADDED' | 'MODIFIED' | 'DELETED') => void;
  readonly journaled: (lines: readonly JournalLine[]) => void;
  /** The last trace of a deleted workflow has ended. */
  readonly removed: (uid: string) => void;
}
