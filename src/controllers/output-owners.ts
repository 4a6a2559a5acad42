import type { Diagnostic } from '../apis/diagnostic.ts';
import type { Graph } from '../graph/graph.ts';

/** Which live workflow of the home declares which output path: a path belongs to one. */
export class OutputOwners {
  readonly #owners = new Map<string, string>();
  readonly #paths = new Map<string, readonly string[]>();

  set(uid: string, graph: Graph): void {
    this.remove(uid);
    const paths = graph.tasks.flatMap((t) => t.outputs.filter((o) => o.form === 'path').map((o) => o.path));
    for (const path of paths) this.#owners.set(path, uid);
    this.#paths.set(uid, paths);
  }

  remove(uid: string): void {
    for (const path of this.#paths.get(uid) ?? []) if (this.#owners.get(path) === uid) this.#owners.delete(path);
    this.#paths.delete(uid);
  }

  /** The first output of `graph` that another workflow declares. */
  clash(uid: string | undefined, graph: Graph, nameOf: (uid: string) => string): Diagnostic | undefined {
    for (const task of graph.tasks) {
      for (const [i, output] of task.outputs.entries()) {
        const owner = output.form === 'path' ? this.#owners.get(output.path) : undefined;
        if (owner === undefined || owner === uid) continue;
        return {
          severity: 'error',
          code: 'E-OUTPUT-OWNED',
          path: ['spec', 'tasks', task.template, 'outputs', i],
          message: `${task.key}: output ${output.name}: ${output.path} is an output of workflow ${nameOf(owner)}`,
          hint: 'Two workflows cannot make one file: use another path or workdir, or delete the other workflow.',
        };
      }
    }
    return undefined;
  }
}
