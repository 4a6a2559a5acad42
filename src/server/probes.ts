import { createServer, type Server } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Workflow } from '../apis/workflow.ts';
import { failPoint } from '../base/fail-point.ts';
import { fail, ok, type Result } from '../base/result.ts';

/** What is told of this process to whoever watches over it. */
export interface Watched {
  /** It is at work, or waits for its turn: both is ready. */
  readonly isReady: () => boolean;
  readonly workflows: () => Promise<readonly Workflow[]>;
  readonly requests: () => ReadonlyMap<string, number>;
}

export interface Probes {
  readonly address: string;
  close(): Promise<void>;
}

const NANOSECONDS = 1e9;
const LOOP_RESOLUTION_MS = 10;

/**
 * `/livez`, `/readyz` and, in the words of Prometheus, `/metrics`, without authentication. `/livez` is answered by the event
 * loop that does the work: one that hangs does not answer. The error is a sentence.
 */
export async function serveProbes(address: string, watched: Watched): Promise<Result<Probes, string>> {
  const place = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (!place) return fail(`--metrics ${address}: write HOST:PORT`);
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', watched, delay).then(
      ({ status, body }) => response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const listening = await listen(server, place[1] ?? place[2] ?? '', Number(place[3]));
  if (!listening.ok) return listening;
  return ok({
    address: listening.value,
    close: async () => {
      delay.disable();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  });
}

function listen(server: Server, host: string, port: number): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(fail(`cannot listen on ${host}:${port}: ${error.message}`)));
    failPoint('listen.before');
    server.listen(port, host === '' ? undefined : host, () => {
      failPoint('listen.after');
      const at = server.address();
      resolve(ok(typeof at === 'object' && at !== null ? `${at.address}:${at.port}` : String(at)));
    });
  });
}

type Delay = ReturnType<typeof monitorEventLoopDelay>;

async function answer(url: string, watched: Watched, delay: Delay): Promise<{ status: number; body: string }> {
  switch (url) {
    case '/livez':
      return { status: 200, body: 'ok\n' };
    case '/readyz':
      return watched.isReady() ? { status: 200, body: 'ok\n' } : { status: 503, body: 'starting\n' };
    case '/metrics':
      return { status: 200, body: metricsOf(await watched.workflows(), watched.requests(), delay) };
    default:
      return { status: 404, body: 'not found\n' };
  }
}

/** The text format of Prometheus, version 0.0.4. Names of workflows are no labels: there may be too many of them. */
function metricsOf(workflows: readonly Workflow[], requests: ReadonlyMap<string, number>, delay: Delay): string {
  const phases = new Map<string, number>();
  const tasks = new Map<string, number>();
  const count = (into: Map<string, number>, name: string, by: number): unknown =>
    into.set(name, (into.get(name) ?? 0) + by);
  for (const { status } of workflows) {
    count(phases, status?.phase ?? 'Pending', 1);
    for (const [phase, n] of Object.entries(status?.counts ?? {})) count(tasks, phase, n);
  }
  const asked = [...requests].map(([name, n]): [string, number] => {
    const [verb = '', code = ''] = name.split(' ');
    return [`verb="${verb}",code="${code}"`, n];
  });
  const byPhase = (of: ReadonlyMap<string, number>): [string, number][] =>
    [...of].map(([phase, n]) => [`phase="${phase}"`, n]);
  const metrics: [name: string, type: string, help: string, samples: [string, number][]][] = [
    ['fixpoint_workflows', 'gauge', 'Workflows by phase.', byPhase(phases)],
    ['fixpoint_tasks', 'gauge', 'Tasks by phase.', byPhase(tasks)],
    ['fixpoint_api_requests_total', 'counter', 'Requests to the API server by verb and answer.', asked],
    [
      'fixpoint_event_loop_delay_seconds',
      'gauge',
      'Delay of the event loop, 99th percentile since the start.',
      [['quantile="0.99"', delay.percentile(99) / NANOSECONDS]],
    ],
    ['process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', process.memoryUsage.rss()]]],
  ];
  const lines = metrics.flatMap(([name, type, help, samples]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`),
  ]);
  return `${lines.join('\n')}\n`;
}
