import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic } from '../../../src/apis/diagnostic.ts';
import type { WorkflowDocument } from '../../../src/apis/workflow.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ok } from '../../../src/base/result.ts';
import { type ServerOptions, startServer } from '../../../src/server/http-server.ts';
import { FakeHome } from '../../rig/fake-home.ts';

export interface Serving extends AsyncDisposable {
  readonly home: FakeHome;
  readonly socketPath: string;
  readonly errors: unknown[];
  readonly folder: string;
  close(): Promise<void>;
}

/** A fake home behind a real unix socket in a folder of its own. */
export async function serve(options: Partial<ServerOptions> & { readonly home?: FakeHome } = {}): Promise<Serving> {
  const folder = await mkdtemp(join(tmpdir(), 'fxs-'));
  const home = options.home ?? new FakeHome();
  const socketPath = join(folder, 's.sock');
  const errors: unknown[] = [];
  const server = await startServer({
    clock: systemClock,
    version: '1.2.3',
    decode: async (text) => ok(JSON.parse(text) as WorkflowDocument),
    onError: (error) => errors.push(error),
    ...options,
    home,
    socketPath,
  });
  if (!server.ok) throw new Error(server.error.message);
  const close = (): Promise<void> => server.value.close();
  return {
    home,
    socketPath,
    errors,
    folder,
    close,
    [Symbol.asyncDispose]: async () => {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function document(
  name: string,
  run = 'true',
  more: Partial<WorkflowDocument['metadata']> = {},
): WorkflowDocument {
  return {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name, namespace: 'default', ...more },
    spec: { tasks: [{ name: 'one', run }] },
  };
}

export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: ReturnType<typeof JSON.parse>;
}

/** One raw request, so that the tests see what any HTTP client would. */
export function call(
  serving: Serving,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string | number> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: serving.socketPath, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = String(response.headers['content-type']).startsWith('application/json');
        resolve({
          code: response.statusCode ?? 0,
          text,
          headers: response.headers,
          json: isJson && text !== '' && !text.trimEnd().includes('\n') ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

export const problem = (code: string): Diagnostic => ({ severity: 'error', code, path: [], message: code });

export const WORKFLOWS = '/apis/fixpoint.dev/v1alpha1/namespaces/default/workflows';
