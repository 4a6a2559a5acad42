import { describe, expect } from 'vitest';
import type { Workflow } from '../../src/apis/workflow.ts';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';
import { WHY_NO_CLUSTER } from '../rig/kubernetes.ts';
import { leads, Operated, requestsOf, useKinds } from '../rig/operated.ts';
import { mutatedDocuments } from './kubernetes/corpus.ts';

// Documents with mistakes against an API server and an operator at work: each is refused by the one or told by the other, and
// nothing is asked again and again. FIXPOINT_MANIFESTS makes it longer.

const COUNT = Number(process.env['FIXPOINT_MANIFESTS'] ?? 200);
const SEED = Number(process.env['FIXPOINT_PROPERTY_SEED'] ?? 20_261_130);
const QUIET_MS = 5_000;
/** Renewals of the lease are two a second; what is watched is asked for anew every few minutes. */
const REQUESTS_WHEN_QUIET = (QUIET_MS / 1_000) * 3 + 5;

const server = useKinds('control');

describe.skipIf(WHY_NO_CLUSTER !== '')(`documents with mistakes${WHY_NO_CLUSTER}`, () => {
  test(`${COUNT} of them: refused, or Stalled with the place`, { timeout: 120_000 + COUNT * 300 }, async ({ box }) => {
    const cluster = await Operated.in(server, box);
    const operator = cluster.operator();
    const { good, bad } = mutatedDocuments(COUNT, SEED);
    try {
      for (const [kind, documents] of [
        ['good', good],
        ['bad', bad],
      ] as const)
        documents.forEach(({ document }, i) => {
          // Whatever is taken in launches nothing.
          const { spec, ...rest } = document as { readonly spec: unknown };
          const still =
            typeof spec === 'object' && spec !== null && !Array.isArray(spec) ? { ...spec, suspend: true } : spec;
          const metadata = { name: `${kind}-${i}` };
          box.write(`documents/${kind}-${i}.json`, JSON.stringify({ ...rest, metadata, spec: still }));
        });
      await until('it leads', () => leads(operator));
      const applied = await server.kubectl([
        '-n',
        cluster.namespace,
        'apply',
        '--server-side',
        '-f',
        box.path('documents'),
      ]);
      const all = async (): Promise<readonly Workflow[]> =>
        (JSON.parse(await cluster.kubectl('get', 'fwf', '-o', 'json')) as { items: Workflow[] }).items;
      await until(
        'each has been looked at',
        async () =>
          (await all()).every(
            ({ metadata, status }) => (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1),
          ),
        60_000 + COUNT * 100,
      );
      const taken = await all();
      const isGood = ({ metadata: { name } }: Workflow): boolean => name.startsWith('good-');
      const refused = applied.stderr.split('\n').filter((line) => line.includes('good-'));
      expect(refused, 'documents without a mistake').toEqual([]);
      expect(taken.filter(isGood).length).toBe(good.length);
      // Whose rules have no words in a schema.
      expect(taken.length).toBeGreaterThan(good.length);
      const unsaid = taken.filter(({ metadata: { name }, status }) => {
        const stalled = status?.conditions?.some((c) => c.type === 'Stalled' && c.status === 'True') ?? false;
        return name.startsWith('bad-') && !(stalled && /^E-[\w-]+ .+: /.test(status?.message ?? ''));
      });
      expect(unsaid.map(({ metadata, status }) => [metadata.name, status?.message])).toEqual([]);
      await until('nobody asks again and again', async () => {
        const before = await requestsOf(operator);
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
        return (await requestsOf(operator)) - before < REQUESTS_WHEN_QUIET;
      });
      await cluster.kubectl('delete', 'fwf', '--all', '--timeout=120s');
    } finally {
      await operator.kill('SIGTERM');
    }
    expect(await operator.ended).toMatchObject({ code: 0 });
  });
});
