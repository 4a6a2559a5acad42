import { realpathSync, type Stats } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { watch } from 'chokidar';
import { isWatchedName } from './scan-folder.ts';

export interface FolderWatch {
  /** Resolves when everything that changes from now on is told. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface FolderEvents {
  /** A file appeared or changed. The path is below `dir` as it was given, whatever links lead there. */
  readonly onFile: (path: string) => void;
  /** Something went, or a folder came. */
  readonly onTree: () => void;
  /** The folder itself went: this watch will tell nothing more. */
  readonly onLost: () => void;
  /** Watching is incomplete, for want of watches for example. */
  readonly onError: (error: unknown) => void;
}

/**
 * Hints about a folder, as fast as the kernel gives them. They are hints: changes close together are told once, and
 * on a network file system those made elsewhere are not told at all.
 */
export function watchFolder(dir: string, events: FolderEvents): FolderWatch {
  const root = realpathOf(dir);
  const watcher = watch(root, {
    ignoreInitial: true,
    // A link is told as what it is; following links would let a loop be walked until the path is too long.
    followSymlinks: false,
    ignored: (path, stats) => path !== root && isIgnored(path, stats),
  });
  const file = (path: string): void => events.onFile(join(dir, relative(root, path)));
  watcher.on('add', file);
  watcher.on('change', file);
  watcher.on('addDir', events.onTree);
  watcher.on('unlink', events.onTree);
  watcher.on('unlinkDir', (path) => {
    if (path === root) events.onLost();
    events.onTree();
  });
  watcher.on('error', events.onError);
  let stop = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    stop = resolve;
    watcher.once('ready', resolve);
  });
  return {
    ready,
    close: async () => {
      stop();
      await watcher.close();
    },
  };
}

function realpathOf(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    return dir;
  }
}

function isIgnored(path: string, stats: Stats | undefined): boolean {
  const name = basename(path);
  if (name.startsWith('.')) return true;
  return stats !== undefined && !stats.isDirectory() && !isWatchedName(name);
}
