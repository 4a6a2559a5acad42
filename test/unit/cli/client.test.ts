import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connectClient } from '../../../src/cli/client.ts';
import { HomeFailure } from '../../../src/cli/exit-code.ts';
import { linesOf } from '../../../src/cli/transport.ts';
import { document, serve } from '../server/serving.ts';

const REF = { namespace: 'default', name: 'a' };

describe('a client is a home', () => {
  test('apply says what happened; look and dry run arrive', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    const created = await client.apply(document('a'), { look: true });
    expect(created.ok && created.value.outcome).toBe('Created');
    const same = await client.apply(document('a'), { dryRun: true });
    expect(same.ok && same.value.outcome).toBe('Unchanged');
    expect(serving.home.applies).toEqual([
      { look: true, dryRun: false },
      { look: false, dryRun: true },
    ]);
    client.close();
  });

  test('create and conditional update keep their conditions', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    const created = await client.apply(document('a'), { create: true });
    const again = await client.apply(document('a'), { create: true });
    expect(again.ok ? '' : again.error.reason).toBe('AlreadyExists');
    const resourceVersion = created.ok ? created.value.workflow.metadata.resourceVersion : '';
    const unchanged = await client.apply(document('a'), { resourceVersion });
    expect(unchanged.ok && unchanged.value.outcome).toBe('Unchanged');
    const updated = await client.apply(document('a', 'false'), { resourceVersion });
    expect(updated.ok && updated.value.outcome).toBe('Configured');
    const stale = await client.apply(document('a', 'echo'), { resourceVersion });
    expect(stale.ok ? '' : stale.error.reason).toBe('Conflict');
    client.close();
  });

  test('diagnostics survive the way with path and hint', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    const bad = await client.apply({ ...document('a'), spec: { tasks: [] } });
    expect(bad.ok ? undefined : bad.error).toMatchObject({
      reason: 'Invalid',
      diagnostics: [{ code: 'E-REQUIRED', path: ['spec', 'tasks'], hint: 'Add one.' }],
    });
    client.close();
  });

  test('patch, get, list, request, delete', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    await client.apply(document('a'));
    const patched = await client.patch(REF, { spec: { suspend: true } });
    expect(patched.ok && patched.value.spec.suspend).toBe(true);
    expect((await client.list()).items.map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect((await client.list('other')).items).toEqual([]);
    expect((await client.request(REF, { id: 'x', verb: 'retry' })).ok).toBe(true);
    expect((await client.delete(REF)).ok).toBe(true);
    const gone = await client.get(REF);
    expect(gone.ok ? '' : gone.error.reason).toBe('NotFound');
    client.close();
  });

  test('a name with a slash stays in its segment', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    await client.apply(document('a'));
    for (const name of ['x/../a', '..', 'a/status', 'a?watch=true', 'a#b']) {
      const got = await client.get({ namespace: 'default', name });
      expect(got.ok).toBe(false);
    }
    client.close();
  });

  test('watch goes on from a version and ends with its signal', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    const { resourceVersion } = await client.list();
    await client.apply(document('a'));
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const event of client.watch({ namespace: 'default', resourceVersion, signal: controller.signal })) {
      seen.push(`${event.type} ${event.object.metadata.name}`);
      if (seen.length === 1) await client.delete(REF);
      else controller.abort();
    }
    expect(seen).toEqual(['ADDED a', 'DELETED a']);
    client.close();
  });

  test('a stream that breaks throws, with the server’s reason', async () => {
    await using serving = await serve();
    const client = connectClient(serving.socketPath);
    const stream = client.events(REF, { signal: new AbortController().signal });
    expect(((await drain(stream)) as HomeFailure).error.reason).toBe('NotFound');
    client.close();
  });
});

async function drain(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of stream);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a server that misbehaves', () => {
  async function against(listener: RequestListener, run: (socketPath: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'fxs-'));
    const server = createServer(listener);
    const path = join(folder, 's.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await run(path);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    }
  }

  test('a list that was cut off is no short list', async () => {
    const cut: RequestListener = (_, response) => response.end('{"kind":"TaskList"}\n{"metadata":{"name":"x"}}\n');
    await against(cut, async (path) => {
      const client = connectClient(path);
      const tasks = await client.tasks(REF);
      expect(tasks.ok ? '' : tasks.error.reason).toBe('Unavailable');
      client.close();
    });
  });

  test('an answer that is no JSON is an error of the server', async () => {
    const noise: RequestListener = (_, response) => response.writeHead(502).end('<html>');
    await against(noise, async (path) => {
      const client = connectClient(path);
      const got = await client.get(REF);
      expect(got.ok ? '' : got.error.reason).toBe('Unavailable');
      client.close();
    });
  });

  test('a connection that breaks inside a stream throws', async () => {
    const torn: RequestListener = (_, response) => {
      response.write('{"reason":"First"}\n');
      response.write('{"reason":', () => response.destroy());
    };
    await against(torn, async (path) => {
      const client = connectClient(path);
      const thrown = await drain(client.events(REF, { signal: new AbortController().signal }));
      expect(thrown).toBeInstanceOf(HomeFailure);
      client.close();
    });
  });

  test('nobody there', async () => {
    const client = connectClient('/nonexistent/s.sock');
    const got = await client.get(REF);
    expect(got.ok ? '' : got.error.reason).toBe('Unavailable');
    await expect(client.list()).rejects.toBeInstanceOf(HomeFailure);
    client.close();
  });
});

test('lines may come in any pieces', async () => {
  async function* pieces(): AsyncIterable<Buffer> {
    for (const byte of Buffer.from('añ\n\n{"x":1}\n')) yield Buffer.from([byte]);
  }
  const lines: string[] = [];
  for await (const line of linesOf(pieces())) lines.push(line);
  expect(lines).toEqual(['añ', '', '{"x":1}']);
});
