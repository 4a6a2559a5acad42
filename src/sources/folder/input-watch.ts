import { dirname } from 'node:path';
import type { FSWatcher, watch } from 'chokidar';
import type { Clock } from '../../base/clock.ts';
import { type FileGlob, parseFileGlob } from '../../base/file-glob.ts';
import type { Logger } from '../../base/logger.ts';
import type { SourceRef } from '../source.ts';

/** What a home offers so that `spec.watchInputs` can be honoured. */
export interface WatchedHome {
  /** Tells every change of every workflow, beginning with those that there are. */
  watch(options: {
    readonly signal: AbortSignal;
  }): AsyncIterable<{ readonly type: string; readonly object: { readonly metadata: SourceRef } }>;
  /** Absolute; undefined where nothing is to be watched. The same object until it changes. */
  watchedPaths(ref: SourceRef): InputPaths | undefined;
  lookAgain(
    ref: SourceRef,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly error: { readonly message: string } }>;
}

export interface InputPaths {
  readonly paths: readonly string[];
  readonly globs: readonly string[];
}

export interface InputWatchOptions {
  readonly home: WatchedHome;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface InputWatch {
  close(): Promise<void>;
}

/** Changes so close together are one: programs write a file in several steps. */
const QUIET_MS = 200;

/**
 * `spec.watchInputs`: when an external input, a tracked script or a sheet of a workflow changes, its home looks
 * again. Events are hints, as those of a watched folder: they only say that looking is worth while.
 */
export function startInputWatch(options: InputWatchOptions): InputWatch {
  const stopped = new AbortController();
  const watches = new Map<string, WorkflowWatch>();
  const follow = async (): Promise<void> => {
    for await (const { type, object } of options.home.watch({ signal: stopped.signal })) {
      const { namespace, name } = object.metadata;
      const key = `${namespace}/${name}`;
      const wanted = type === 'DELETED' ? undefined : options.home.watchedPaths({ namespace, name });
      const present = watches.get(key);
      if (present?.wanted === wanted) continue;
      watches.delete(key);
      await present?.close();
      if (wanted === undefined) continue;
      // On demand: hardly any workflow asks for it.
      const { watch: start } = await import('chokidar');
      if (!stopped.signal.aborted) watches.set(key, new WorkflowWatch(options, { namespace, name }, wanted, start));
    }
  };
  const following = follow().catch((error: unknown) => {
    options.logger.error({ error: String(error) }, 'inputs are no longer watched');
  });
  return {
    close: async () => {
      stopped.abort();
      await following;
      await Promise.all([...watches.values()].map((one) => one.close()));
    },
  };
}

class WorkflowWatch {
  readonly wanted: InputPaths;
  readonly #options: InputWatchOptions;
  readonly #ref: SourceRef;
  readonly #watcher: FSWatcher;
  #cancelTimer: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(options: InputWatchOptions, ref: SourceRef, wanted: InputPaths, start: typeof watch) {
    this.wanted = wanted;
    this.#options = options;
    this.#ref = ref;
    const filter = new PathFilter(wanted);
    this.#watcher = start([...filter.roots], {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path, stats) => !filter.concerns(path, stats === undefined || stats.isDirectory()),
    });
    this.#watcher.on('all', () => this.#changed());
    // What changed between the home's look and now was not told.
    this.#watcher.once('ready', () => this.#changed());
    this.#watcher.on('error', (error) =>
      options.logger.warn({ workflow: ref.name, error: String(error) }, 'inputs are watched incompletely'),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#watcher.close();
    await this.#looking;
  }

  /** The first change starts the wait and later ones do not prolong it: a file that always grows is seen too. */
  #changed(): void {
    if (this.#closed || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#options.clock.after(QUIET_MS, () => {
      this.#cancelTimer = undefined;
      this.#looking = (this.#looking ?? Promise.resolve()).then(() => this.#look());
    });
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    const { home, logger } = this.#options;
    try {
      const looked = await home.lookAgain(this.#ref);
      if (!looked.ok)
        logger.warn({ workflow: this.#ref.name, problem: looked.error.message }, 'inputs changed for the worse');
    } catch (error) {
      logger.error({ workflow: this.#ref.name, error: String(error) }, 'changed inputs could not be looked at');
    }
  }
}

/**
 * Which paths matter. Folders of the wanted paths are watched, not the paths: a file that is replaced by renaming,
 * or that is not there yet, is seen that way.
 */
export class PathFilter {
  readonly roots = new Set<string>();
  readonly #wanted: ReadonlySet<string>;
  readonly #globs: readonly { readonly glob: FileGlob; readonly depth: number; readonly folder: string }[];
  /** Folders on the way to the roots: one of them may have to be watched until the root exists. */
  readonly #ways = new Set<string>();

  constructor({ paths, globs }: InputPaths) {
    this.#wanted = new Set(paths);
    for (const path of paths) this.roots.add(dirname(path));
    this.#globs = globs.flatMap((pattern) => {
      const glob = parseFileGlob(pattern);
      if (!glob.ok) return [];
      const { folder, depth = Number.POSITIVE_INFINITY } = glob.value;
      this.roots.add(folder);
      const above = folder === '/' ? 1 : folder.split('/').length;
      return [{ glob: glob.value, depth: above + depth, folder: folder === '/' ? '/' : `${folder}/` }];
    });
    for (const root of this.roots) for (let way = root; !this.#ways.has(way); way = dirname(way)) this.#ways.add(way);
  }

  /** Whether a path is wanted, inside a wanted folder, or a folder in which one may lie. */
  concerns(path: string, maybeFolder: boolean): boolean {
    if (maybeFolder && this.#ways.has(path)) return true;
    for (let at = path; ; at = dirname(at)) {
      if (this.#wanted.has(at)) return true;
      if (at === dirname(at)) break;
    }
    const segments = path.split('/').length;
    return this.#globs.some(
      ({ glob, depth, folder }) => path.startsWith(folder) && (glob.matches(path) || (maybeFolder && segments < depth)),
    );
  }
}
