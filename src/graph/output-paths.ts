/** Folders above an absolute path, the nearest first, the root last. */
export function* foldersAbove(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) yield path.slice(0, end);
  if (path !== '/') yield '/';
}

/** How a path meets one that is taken: it is the same, lies inside it, or holds it. */
export interface Overlap<Owner> {
  readonly how: 'Same' | 'Inside' | 'Around';
  readonly path: string;
  readonly owner: Owner;
}

/**
 * Output paths and whose they are. No two of them are equal or lie in one another: a directory's digest covers all that
 * is in it, so two tasks that write one inside the other would undo each other's results for ever. Each folder above is
 * looked at once, however many paths lie in it.
 */
export class OutputPaths<Owner> {
  readonly #owners = new Map<string, Owner>();
  /** Folders above the taken paths, each with one of those. */
  readonly #above = new Map<string, string>();

  get(path: string): Owner | undefined {
    return this.#owners.get(path);
  }

  entries(): IterableIterator<[string, Owner]> {
    return this.#owners.entries();
  }

  /** Undefined: the path is taken now. Else it is not. */
  take(path: string, owner: Owner): Overlap<Owner> | undefined {
    const same = this.#owners.get(path);
    if (same !== undefined) return { how: 'Same', path, owner: same };
    const inner = this.#above.get(path);
    if (inner !== undefined) return { how: 'Around', path: inner, owner: this.#owners.get(inner) as Owner };
    const fresh: string[] = [];
    for (const folder of foldersAbove(path)) {
      // Nothing above a folder that holds a taken path is taken, or that path would not be.
      if (this.#above.has(folder)) break;
      const outer = this.#owners.get(folder);
      if (outer !== undefined) return { how: 'Inside', path: folder, owner: outer };
      fresh.push(folder);
    }
    for (const folder of fresh) this.#above.set(folder, path);
    this.#owners.set(path, owner);
    return undefined;
  }

  /** The taken path that is this one or lies above it. */
  around(path: string): Overlap<Owner> | undefined {
    const same = this.#owners.get(path);
    if (same !== undefined) return { how: 'Same', path, owner: same };
    for (const folder of foldersAbove(path)) {
      if (this.#above.has(folder)) return undefined;
      const outer = this.#owners.get(folder);
      if (outer !== undefined) return { how: 'Inside', path: folder, owner: outer };
    }
    return undefined;
  }
}
