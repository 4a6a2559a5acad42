import type { GraphView } from '../../apis/task-view.ts';
import { oneLine } from './terminal-text.ts';

/** Graphviz. Names are quoted strings there, so any name is safe. */
export function graphDot(graph: GraphView): string {
  const lines = ['digraph workflow {', '  rankdir=LR;', '  node [shape=box, style=rounded];'];
  for (const [index, task] of graph.tasks.entries()) {
    const phase = task.phase === '' ? '' : `, tooltip=${dotText(task.phase)}, class=${dotText(task.phase)}`;
    lines.push(`  t${index} [label=${dotText(task.name)}${phase}];`);
  }
  for (const edge of graph.edges) {
    lines.push(`  t${edge.from} -> t${edge.to}${edge.kind === 'After' ? ' [style=dashed]' : ''};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function dotText(text: string): string {
  return `"${oneLine(text).replace(/[\\"]/g, (char) => `\\${char}`)}"`;
}

export function graphMermaid(graph: GraphView): string {
  const lines = ['flowchart LR'];
  for (const [index, task] of graph.tasks.entries()) lines.push(`  t${index}["${mermaidText(task.name)}"]`);
  for (const edge of graph.edges) lines.push(`  t${edge.from} ${edge.kind === 'After' ? '-.->' : '-->'} t${edge.to}`);
  return `${lines.join('\n')}\n`;
}

/** Mermaid reads entities such as `#34;`, so what has a meaning there is written as one. */
function mermaidText(text: string): string {
  return oneLine(text).replace(/[^\w ./=,:+@-]/gu, (char) => `#${char.codePointAt(0)};`);
}

/** One line per task, upstream first, with what it waits for. */
export function graphText(graph: GraphView): string {
  const upstream: string[][] = graph.tasks.map(() => []);
  for (const edge of graph.edges) {
    const from = graph.tasks[edge.from]?.name ?? '';
    upstream[edge.to]?.push(edge.kind === 'After' ? `${from} (after)` : from);
  }
  const lines = topologicalOrder(graph).map((index) => {
    const task = graph.tasks[index];
    const phase = task === undefined || task.phase === '' ? '' : `  ${task.phase}`;
    const from = [...new Set(upstream[index])];
    return oneLine(`${task?.name ?? ''}${phase}${from.length === 0 ? '' : `  <- ${from.join(', ')}`}`);
  });
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Kahn's algorithm; what a cycle would keep out comes last, in the order given. */
function topologicalOrder(graph: GraphView): number[] {
  const waiting = graph.tasks.map(() => 0);
  const next: number[][] = graph.tasks.map(() => []);
  for (const edge of graph.edges) {
    waiting[edge.to] = (waiting[edge.to] ?? 0) + 1;
    next[edge.from]?.push(edge.to);
  }
  const order: number[] = [];
  for (const [index, count] of waiting.entries()) if (count === 0) order.push(index);
  for (let at = 0; at < order.length; at++) {
    for (const to of next[order[at] ?? -1] ?? []) {
      waiting[to] = (waiting[to] ?? 0) - 1;
      if (waiting[to] === 0) order.push(to);
    }
  }
  for (const [index, count] of waiting.entries()) if (count > 0) order.push(index);
  return order;
}
