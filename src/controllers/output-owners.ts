import type { Diagnostic } from '../apis/diagnostic.ts';
import { globFolder } from '../base/file-glob.ts';
import { MAX_PATTERN_STEPS } from '../base/limits.ts';
import { NONE } from '../base/none.ts';
import { type Graph, type GraphOutput, type GraphTask, sameShape } from '../graph/graph.ts';
import { foldersAbove } from '../graph/output-paths.ts';
import { DeclaredOutputs } from './declared-outputs.ts';

/**
 * Which live workflow of the home declares which output path: a path belongs to one, with all that is in it. So does all
 * that a pattern may match.
 */
export class OutputOwners {
  /** Folders above these paths, and whose the paths are. */
  readonly #above = new Map<string, Set<string>>();
  readonly #taken = new Map<string, Taken>();

  set(uid: string, graph: Graph): void {
    if (this.#hasPathsOf(uid, graph)) return;
    this.remove(uid);
    const outputs = new DeclaredOutputs(graph);
    const above = new Set<string>();
    const addAbove = (path: string): void => {
      for (const folder of foldersAbove(path)) {
        if (above.has(folder)) break;
        above.add(folder);
      }
    };
    for (const path of graph.producers.keys()) addAbove(path);
    for (const { output } of outputs.patterns) addAbove(`${globFolder(output.path)}/*`);
    for (const folder of above) {
      const users = this.#above.get(folder);
      if (users) users.add(uid);
      else this.#above.set(folder, new Set([uid]));
    }
    this.#taken.set(uid, { graph, outputs, above });
  }

  remove(uid: string): void {
    const taken = this.#taken.get(uid);
    if (!taken) return;
    for (const folder of taken.above) {
      const users = this.#above.get(folder);
      users?.delete(uid);
      if (users?.size === 0) this.#above.delete(folder);
    }
    this.#taken.delete(uid);
  }

  /** The first output of `graph` that another workflow declares, or that lies in or holds what it declares. */
  clash(uid: string | undefined, graph: Graph, nameOf: (uid: string) => string): Diagnostic | undefined {
    // Whoever came later was held against these paths.
    if (uid !== undefined && this.#hasPathsOf(uid, graph)) return undefined;
    const free = new Set<string>();
    for (const task of graph.tasks) {
      for (const [i, output] of task.outputs.entries()) {
        const found = this.#clashOf(uid, output, free);
        if (found) return diagnosticOf(task, i, output, `${found.how} ${nameOf(found.owner)}`);
      }
    }
    return this.#clashOfPatterns(uid, graph, nameOf);
  }

  /** An edit has left them where they are. */
  #hasPathsOf(uid: string, graph: Graph): boolean {
    const taken = this.#taken.get(uid);
    return taken !== undefined && sameShape(taken.graph, graph);
  }

  #clashOfPatterns(uid: string | undefined, graph: Graph, nameOf: (uid: string) => string): Diagnostic | undefined {
    const mine = new DeclaredOutputs(graph);
    for (const [owner, { outputs }] of this.#taken) {
      if (owner === uid) continue;
      const found = mine.meeting(outputs, MAX_PATTERN_STEPS);
      if (found === 'TooMany') return tooMany(nameOf(owner));
      if (!found) continue;
      const { one, how } = found;
      return diagnosticOf(one.task, one.i, one.output, `${how} workflow ${nameOf(owner)}`);
    }
    return undefined;
  }

  /** Another workflow that declares this path. Few have outputs in one folder, and each knows its own. */
  #ownerBeside(uid: string | undefined, path: string): string | undefined {
    const users = this.#above.get(path.slice(0, path.lastIndexOf('/')) || '/');
    for (const user of users ?? NONE) if (user !== uid && this.#taken.get(user)?.graph.producers.has(path)) return user;
    return undefined;
  }

  /** `free`: folders of which it is known that neither they nor those above are another's. */
  #clashOf(
    uid: string | undefined,
    output: GraphOutput,
    free: Set<string>,
  ): { readonly how: string; readonly owner: string } | undefined {
    const isPath = output.form === 'path';
    const path = isPath ? output.path : globFolder(output.path);
    const same = this.#ownerBeside(uid, path);
    if (same !== undefined)
      return { how: isPath ? 'is an output of workflow' : 'lies in an output of workflow', owner: same };
    for (const user of isPath ? (this.#above.get(path) ?? []) : [])
      if (user !== uid) return { how: 'contains an output of workflow', owner: user };
    for (const folder of foldersAbove(path)) {
      if (free.has(folder)) break;
      const owner = this.#ownerBeside(uid, folder);
      if (owner !== undefined) return { how: `lies in ${folder}, an output of workflow`, owner };
      free.add(folder);
    }
    return undefined;
  }
}

interface Taken {
  readonly graph: Graph;
  readonly outputs: DeclaredOutputs;
  readonly above: ReadonlySet<string>;
}

function tooMany(owner: string): Diagnostic {
  return {
    severity: 'error',
    code: 'E-LIMIT',
    path: ['spec', 'tasks'],
    message: `telling the output patterns from those of workflow ${owner} takes more than ${MAX_PATTERN_STEPS} comparisons`,
    hint: 'Give the two workflows folders of their own.',
  };
}

function diagnosticOf(task: GraphTask, i: number, output: GraphOutput, how: string): Diagnostic {
  return {
    severity: 'error',
    code: 'E-OUTPUT-OWNED',
    path: ['spec', 'tasks', task.template, 'outputs', i],
    message: `${task.key}: output ${output.name}: ${output.path} ${how}`,
    hint: 'Two workflows cannot make one file: use another path or workdir, or delete the other workflow.',
  };
}
