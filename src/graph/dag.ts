/**
 * An integer-indexed directed graph. Nodes are 0..n-1, edges go from upstream to downstream. Nothing here
 * recurses: graphs are the user's, and a chain may be 500,000 long.
 */
export interface Order {
  /** Every node after all of its upstreams; ties in index order. Shorter than n when there is a cycle. */
  readonly order: Int32Array;
  readonly rank: Int32Array;
}

export function topologicalOrder(n: number, upstream: readonly (readonly number[])[]): Order | { cycle: number[] } {
  const open = new Int32Array(n);
  const down: number[][] = Array.from({ length: n }, () => []);
  for (let i = 0; i < n; i++) {
    for (const u of upstream[i] ?? []) {
      open[i] = (open[i] as number) + 1;
      (down[u] as number[]).push(i);
    }
  }
  const order = new Int32Array(n);
  const rank = new Int32Array(n).fill(-1);
  let head = 0;
  let tail = 0;
  for (let i = 0; i < n; i++) if (open[i] === 0) order[tail++] = i;
  while (head < tail) {
    const node = order[head] as number;
    rank[node] = head++;
    for (const d of down[node] as number[]) {
      const left = (open[d] as number) - 1;
      open[d] = left;
      if (left === 0) order[tail++] = d;
    }
  }
  return tail === n ? { order, rank } : { cycle: findCycle(n, upstream, rank) };
}

/** Walks upstream among the nodes that could not be ordered until one comes up twice: that is a cycle. */
function findCycle(n: number, upstream: readonly (readonly number[])[], rank: Int32Array): number[] {
  let node = 0;
  while (node < n && rank[node] !== -1) node++;
  const seenAt = new Map<number, number>();
  const path: number[] = [];
  while (!seenAt.has(node)) {
    seenAt.set(node, path.length);
    path.push(node);
    node = (upstream[node] as readonly number[]).find((u) => rank[u] === -1) as number;
  }
  return path.slice(seenAt.get(node)).reverse();
}
