import type { Fingerprint } from '../apis/workflow.ts';
import type { Graph, GraphInput, GraphOutput, GraphTask } from '../graph/graph.ts';

/**
 * Facts: what was seen in the file space, by name of the look. A fact is a digest, or `absent`, or `unreadable:CODE`.
 *
 * Facts are looked up when a changed document is applied, at `run`, at a request, when a home opens, and before a
 * launch that reads them; never by a timer. A missing fact means "not looked at yet", never "absent".
 */
export type Facts = Pick<ReadonlyMap<string, string>, 'get' | 'has'>;

export const ABSENT_DIGEST = 'absent';

const UNREADABLE = 'unreadable:';

/** What is there cannot be told: an error other than absence (`EIO`, `EACCES`, `ESTALE`), or `NOTAFILE` for a pipe or device. */
export function unreadableFact(code: string): string {
  return `${UNREADABLE}${code}`;
}

/** Why nobody can tell what is there; undefined: the fact is a digest, or `absent`. Unknown is neither gone nor changed. */
export function unreadableCode(fact: string): string | undefined {
  return fact.startsWith(UNREADABLE) ? fact.slice(UNREADABLE.length) : undefined;
}

/**
 * How a recorded output was looked at, so that it can be looked at again the same way. A large file is `stat:` under either
 * fingerprint and comes out the same under both; what a `glob:` digest covers cannot be told, and content is the rule.
 */
export function fingerprintOfDigest(digest: string): Fingerprint {
  return digest.startsWith('stat:') || digest.startsWith('dirstat:') ? 'Stat' : 'Content';
}

export interface Look {
  readonly path: string;
  readonly fingerprint: Fingerprint;
  /** The path is a pattern; the fact covers names and digests of what matches. */
  readonly glob: boolean;
}

/** The most common look has the name of its path: there is one for every output, and a second text for each would be felt. */
export function lookId(look: Look): string {
  if (!look.glob && look.fingerprint === 'Content' && look.path.startsWith('/')) return look.path;
  return `${look.glob ? 'g' : 'p'}${look.fingerprint === 'Stat' ? 's' : 'c'}:${look.path}`;
}

/** The inverse of `lookId`. */
export function lookOf(id: string): Look {
  if (id.startsWith('/')) return { path: id, fingerprint: 'Content', glob: false };
  return { path: id.slice(3), fingerprint: id[1] === 's' ? 'Stat' : 'Content', glob: id[0] === 'g' };
}

/** As it is named now: in records of earlier versions every name says what kind of look it is. */
export function renamedLook(id: string): string {
  return id.startsWith('pc:/') ? id.slice(3) : id;
}

export function outputLook(output: GraphOutput): Look {
  return { path: output.path, fingerprint: output.fingerprint, glob: output.form === 'glob' };
}

/** The looks an input needs that no task answers for. */
export function externalLooks(input: GraphInput): Look[] {
  if (input.form === 'glob') return [{ path: input.paths[0] as string, fingerprint: input.fingerprint, glob: true }];
  const looks: Look[] = [];
  input.paths.forEach((path, i) => {
    if (input.producers[i] === undefined) looks.push({ path, fingerprint: input.fingerprint, glob: false });
  });
  return looks;
}

/** The look of each of its paths, in order: as the task that makes the file declares it, else as the input does. */
export function inputLooks(graph: Pick<Graph, 'tasks'>, input: GraphInput): Look[] {
  return input.paths.map((path, at) => {
    const producer = input.producers[at];
    const made = producer === undefined ? undefined : graph.tasks[producer]?.outputs.find((o) => o.path === path);
    return made ? outputLook(made) : { path, fingerprint: input.fingerprint, glob: input.form === 'glob' };
  });
}

/** The looks that it may need, whichever upstreams make something. */
export function possibleLooks(input: GraphInput): Look[] {
  const looks = externalLooks(input);
  return input.fallback ? [...looks, ...externalLooks({ ...input, ...input.fallback })] : looks;
}

export function codeLooks(task: GraphTask): Look[] {
  return task.code.map((path) => ({ path, fingerprint: 'Content', glob: false }));
}
