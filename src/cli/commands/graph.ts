import type { GraphView } from '../../apis/task-view.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { EXIT, orExit, usage } from '../exit-code.ts';
import { printValue } from '../output.ts';
import { graphDot, graphMermaid, graphText } from '../render/graph.ts';

const FORMATS = ['text', 'dot', 'mermaid', 'json'] as const;

export async function run(context: CommandContext): Promise<number> {
  const format = context.oneOf('output', FORMATS) ?? 'text';
  const graph = await graphOf(context);
  if (format === 'json') await printValue(context.io, 'json', graph);
  else await context.io.stdout.write({ text: graphText, dot: graphDot, mermaid: graphMermaid }[format](graph));
  return EXIT.done;
}

/** Of a file it needs no home: a file has a graph and no phases. */
async function graphOf(context: CommandContext): Promise<GraphView> {
  const files = context.list('filename');
  if (files.length + context.words.length !== 1) throw usage('graph: give a workflow, or -f FILE');
  const [file] = files;
  if (file !== undefined) {
    const { graphOfFile } = await import('../file-graph.ts');
    return graphOfFile(context, file);
  }
  const connection = await connect(context.io, context.where, 'read');
  try {
    return orExit(await connection.home.graph(context.workflow()));
  } finally {
    await connection.close();
  }
}
