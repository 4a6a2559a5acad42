import { compareResourceVersions } from './resource-version.ts';

/**
 * What this process has written and a watch has not shown yet, so that older copies that are still under way are not
 * taken for news. The watch of a resource is in order: what it shows from a version on includes everything before.
 *
 * It holds what is under way between an answer and its echo, and forgets it with the echo or with the next list.
 */
export class OwnWrites {
  readonly #written = new Map<string, { readonly uid: string; readonly resourceVersion: string }>();
  /** Objects known to be gone, by key; the watch still has their last copies to show. */
  readonly #gone = new Map<string, string>();

  /** We wrote this object, and the server answered with this version. */
  wrote(key: string, uid: string, resourceVersion: string): void {
    const before = this.#written.get(key);
    if (before?.uid === uid && compareResourceVersions(resourceVersion, before.resourceVersion) <= 0) return;
    this.#written.set(key, { uid, resourceVersion });
  }

  /** The object is gone for good; not merely asked to go. */
  removed(key: string, uid: string): void {
    this.#gone.set(key, uid);
    if (this.#written.get(key)?.uid === uid) this.#written.delete(key);
  }

  /** Whether this copy is from before what we did. */
  isOld(key: string, uid: string, resourceVersion: string): boolean {
    if (this.#gone.get(key) === uid) return true;
    const written = this.#written.get(key);
    if (written === undefined) return false;
    const order = compareResourceVersions(resourceVersion, written.resourceVersion);
    // A copy of an object that had this name before ours, or came after it.
    return written.uid === uid ? order <= 0 : order < 0;
  }

  /** Whether we wrote this object after this version: its absence there says nothing. */
  isAfter(key: string, resourceVersion: string): boolean {
    const written = this.#written.get(key);
    return written !== undefined && compareResourceVersions(written.resourceVersion, resourceVersion) > 0;
  }

  /** The watch has shown this copy of the object. */
  shown(key: string, resourceVersion: string): void {
    if (this.#written.size > 0 && !this.isAfter(key, resourceVersion)) this.#written.delete(key);
  }

  /** The watch has shown the end of this object. */
  shownGone(key: string, uid: string): void {
    if (this.#gone.get(key) === uid) this.#gone.delete(key);
    if (this.#written.get(key)?.uid === uid) this.#written.delete(key);
  }

  /** A list is about to be read: it and what is watched after it are later than everything known here. */
  clear(): void {
    this.#written.clear();
    this.#gone.clear();
  }

  /** How many writes and ends wait for their echo. */
  get size(): number {
    return this.#written.size + this.#gone.size;
  }
}
