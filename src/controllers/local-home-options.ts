import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { JournalLine, Store } from '../store/store.ts';
import type { WorkflowRef } from './home.ts';
import type { Activity, HomeContext } from './home-context.ts';

/** What a home is put together from. */
export interface LocalHomeOptions {
  readonly store: Store;
  /** The first takes the tasks that name none, and its files are the home's. */
  readonly backends: readonly [Backend, ...Backend[]];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keepRuns: HomeContext['keepRuns'];
  /** As in `HomeContext`; default: yes. */
  readonly keepsDeleted?: boolean;
  readonly activity: Activity;
  /** About to be applied: it makes no turn before that, lest it launches what the document changes. */
  readonly awaited?: WorkflowRef | undefined;
  /** What became durable, for whoever tells it elsewhere. */
  readonly onJournaled?: (lines: readonly JournalLine[]) => void;
  readonly onClose: () => void;
}
