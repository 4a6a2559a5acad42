/**
 * Files that declare a workflow which another file owns, until the name may have come free. A file that was told
 * against a certain content of the owner is not asked again for that content: two files that each declare what the
 * other owns would ask each other for ever.
 */
export class Contenders {
  readonly #byKey = new Map<string, Map<string, string | undefined>>();

  /** `ownerDigest`: of the owner's content as judged; undefined: it has changed and is not judged yet. */
  add(key: string, file: string, ownerDigest: string | undefined): void {
    const files = this.#byKey.get(key);
    if (files === undefined) this.#byKey.set(key, new Map([[file, ownerDigest]]));
    else files.set(file, ownerDigest);
  }

  /** Takes those who should ask again; without a digest, all of them: the name is free. */
  take(key: string, ownerDigest: string | undefined): readonly string[] {
    const files = this.#byKey.get(key);
    if (files === undefined) return [];
    const taken: string[] = [];
    for (const [file, seen] of files) {
      if (ownerDigest !== undefined && seen === ownerDigest) continue;
      files.delete(file);
      taken.push(file);
    }
    if (files.size === 0) this.#byKey.delete(key);
    return taken;
  }
}
