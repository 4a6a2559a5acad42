import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Workflow } from '../../src/apis/workflow.ts';
import { isTaskEntry, type JournalEntry, type Records, reduce, type TaskEntry } from '../../src/planning/journal.ts';
import type { Attempt, Outcome, TaskRecord } from '../../src/planning/record.ts';
import type { Store, StoredWorkflow } from '../../src/store/store.ts';

/** What the suite needs of an implementation: a fresh store, and the same one as a new process would find it. */
export interface StoreRig {
  open(): Promise<Store>;
  /** Without closing the store that was open: as after a crash. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

/** What an implementation promises beyond the laws. */
export interface StorePromises {
  /** Records of a deleted workflow may go on under another uid. */
  readonly inherits: boolean;
  /** Versions follow one another without a gap, also over a restart. */
  readonly countsByOne: boolean;
}

/** The laws of `src/store/store.ts`. */
export function storeContract(name: string, makeRig: () => StoreRig, { inherits, countsByOne }: StorePromises): void {
  describe(`the ${name} store`, () => {
    let rig: StoreRig;
    let store: Store;

    beforeEach(async () => {
      rig = makeRig();
      store = await rig.open();
    });

    afterEach(async () => {
      await rig.dispose();
    });

    it('law 1: what was committed is there after a crash', async () => {
      await store.commit({
        time: 1,
        workflows: [{ stored: workflow('w') }],
        entries: [{ workflow: 'w', entry: intended('a', 1) }],
      });
      const again = await rig.reopen();
      expect((await again.workflows()).map((w) => w.uid)).toEqual(['w']);
      expect(await again.records('w')).toEqual(await store.records('w'));
      expect((await again.journal({ workflow: 'w', limit: 10 })).map((line) => line.entry)).toEqual([intended('a', 1)]);
    });

    it('law 1: batches of one turn of the event loop are each whole', async () => {
      const commits = [1, 2, 3].map((n) =>
        store.commit({ time: n, entries: [{ workflow: 'w', entry: intended('a', n) }] }),
      );
      const seqs = (await Promise.all(commits)).flatMap((c) => (c.outcome === 'Committed' ? c.seqs : []));
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      expect((await store.records('w'))[0]?.attempts.map((a) => a.number)).toEqual([1, 2, 3]);
    });

    it('law 2: versions strictly increase over resources and entries, also over a restart', async () => {
      const versions: number[] = [];
      for (const uid of ['v', 'w']) {
        const committed = await store.commit({
          time: 1,
          workflows: [{ stored: workflow(uid) }],
          entries: [{ workflow: uid, entry: intended('a', 1) }],
        });
        if (committed.outcome === 'Committed') versions.push(...committed.seqs, committed.version);
      }
      const again = await rig.reopen();
      const committed = await again.commit({ time: 2, workflows: [{ stored: workflow('x') }] });
      if (committed.outcome === 'Committed') versions.push(committed.version);
      expect(versions).toHaveLength(5);
      expect(new Set(versions).size).toBe(5);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
    });

    it('law 3: records are the reduction of the journal, whatever the entries', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uuid(), fc.array(entryOf(), { maxLength: 30 }), async (uid, entries) => {
          for (const entry of entries) await store.commit({ time: 1, entries: [{ workflow: uid, entry }] });
          const expected: Records = new Map();
          for (const { entry } of await store.journal({ workflow: uid, limit: 100 }))
            if (isTaskEntry(entry)) reduce(expected, entry);
          const found = new Map((await store.records(uid)).map((record) => [record.key, record]));
          expect(found).toEqual(expected);
          for (const record of store.eachRecord(uid)) {
            const whole = expected.get(record.key);
            expect(record).toEqual('settled' in record && whole ? asked(whole) : whole);
          }
          expect([...store.eachRecord(uid)].map(({ key }) => key).sort()).toEqual([...expected.keys()].sort());
        }),
        { numRuns: 60 },
      );
    });

    it('law 4: a conditional write that fails writes nothing of its batch', async () => {
      const first = await store.commit({ time: 1, workflows: [{ stored: workflow('w') }] });
      const version = first.outcome === 'Committed' ? first.version : -1;
      const stale = await store.commit({
        time: 2,
        workflows: [{ stored: { ...workflow('w'), deletedAt: 2 }, ifVersion: version - 1 }],
        entries: [{ workflow: 'w', entry: intended('a', 1) }],
      });
      expect(stale.outcome).toBe('Conflict');
      expect((await store.workflows())[0]?.deletedAt).toBeUndefined();
      expect(await store.journal({ workflow: 'w', limit: 10 })).toEqual([]);
      const good = await store.commit({ time: 3, workflows: [{ stored: workflow('w'), ifVersion: version }] });
      expect(good.outcome).toBe('Committed');
    });

    if (inherits)
      it('records of a deleted workflow go on under another uid', async () => {
        await store.commit({
          time: 1,
          workflows: [{ stored: workflow('old') }],
          entries: [{ workflow: 'old', entry: intended('a', 1) }],
        });
        await store.commit({
          time: 2,
          inherit: [{ from: 'old', to: 'new' }],
          workflows: [{ stored: workflow('new') }],
        });
        expect((await store.workflows()).map((w) => w.uid)).toEqual(['new']);
        expect(await store.records('old')).toEqual([]);
        expect((await store.records('new')).map((r) => r.key)).toEqual(['a']);
        // Law 3 holds for the heir as well.
        expect((await store.journal({ workflow: 'new', limit: 10 })).map((line) => line.entry)).toEqual([
          intended('a', 1),
        ]);
        expect(await store.journal({ workflow: 'old', limit: 10 })).toEqual([]);
      });

    describe('law 5: what is forgotten', () => {
      const made = (uid: string, ...digests: string[]) =>
        store.commit({
          time: 1,
          workflows: [{ stored: workflow(uid) }],
          entries: digests.map((digest, i) => ({ workflow: uid, entry: intended('a', i + 1, digest) })),
          preimages: digests.map((digest) => ({ digest, data: { of: digest } })),
        });
      const kept = async (...digests: string[]): Promise<string[]> => {
        const found = await Promise.all(digests.map((digest) => store.preimage(digest)));
        return digests.filter((_, i) => found[i] !== undefined);
      };

      it('leaves nothing behind, and takes nothing of others', async () => {
        await made('w', 'own', 'shared');
        await made('v', 'shared', 'other');
        await store.commit({ time: 2, forget: ['w'] });
        expect(await store.records('w')).toEqual([]);
        expect(await store.journal({ workflow: 'w', limit: 10 })).toEqual([]);
        expect((await store.workflows()).map((one) => one.uid)).toEqual(['v']);
        expect((await store.records('v'))[0]?.attempts).toHaveLength(2);
        expect(await store.journal({ workflow: 'v', limit: 10 })).toHaveLength(2);
        expect(await kept('own', 'shared', 'other')).toEqual(['shared', 'other']);
        await store.commit({ time: 3, forget: ['v'] });
        expect(await kept('own', 'shared', 'other')).toEqual([]);
        expect(await store.journal({ limit: 10 })).toEqual([]);
      });

      if (inherits)
        it('also after it was inherited, and after a restart', async () => {
          await made('old', 'first');
          await store.commit({
            time: 2,
            inherit: [{ from: 'old', to: 'new' }],
            workflows: [{ stored: workflow('new') }],
          });
          const again = await rig.reopen();
          expect(await kept('first')).toEqual(['first']);
          await again.commit({ time: 3, forget: ['new'] });
          expect(await kept('first')).toEqual([]);
          expect(await again.journal({ limit: 10 })).toEqual([]);
        });

      it('a result that was accepted refers to another pre-image', async () => {
        await made('w', 'first');
        await store.commit({
          time: 2,
          preimages: [{ digest: 'second', data: {} }],
          entries: [
            {
              workflow: 'w',
              entry: {
                type: 'ResultAccepted',
                task: 'a',
                number: 1,
                definition: 'd2',
                execution: 'e2',
                preimage: { templateDigest: 'second', values: {}, code: {} },
                contributions: { precise: {}, broad: [] },
                request: 'r',
              },
            },
          ],
        });
        await made('v', 'second');
        await store.commit({ time: 3, forget: ['v'] });
        expect(await kept('first', 'second')).toEqual(['first', 'second']);
        await store.commit({ time: 4, forget: ['w'] });
        expect(await kept('first', 'second')).toEqual([]);
      });

      it('takes its versions with it: none is given out again (law 2)', async () => {
        await made('v', 'first');
        await made('w', 'second');
        const before = store.version();
        await store.commit({ time: 2, forget: ['w'] });
        const again = await rig.reopen();
        const found = again.version();
        expect(found).toBeGreaterThanOrEqual(before);
        if (countsByOne) expect(found).toBe(before);
        const committed = await again.commit({ time: 3, entries: [{ workflow: 'v', entry: intended('a', 5) }] });
        expect(committed).toMatchObject({ outcome: 'Committed', seqs: [found + 1] });
      });
    });
  });
}

export function workflow(uid: string): Omit<StoredWorkflow, 'version'> {
  const object = {
    apiVersion: 'fixpoint.dev/v1alpha1',
    kind: 'Workflow',
    metadata: { name: uid, namespace: 'default', uid, generation: 1, resourceVersion: '0', creationTimestamp: '' },
    spec: { tasks: [] },
  } satisfies Workflow;
  const memory = { sheets: {}, requests: {}, suspended: false, approvedGeneration: 0 };
  return { uid, deletedAt: undefined, object, memory };
}

export function intended(
  task: string,
  number: number,
  templateDigest = 't',
): Extract<JournalEntry, { type: 'AttemptIntended' }> {
  const attempt: Attempt = {
    number,
    uid: `${task}-${number}`,
    state: 'Intended',
    generation: 1,
    definition: 'd',
    execution: 'e',
    handling: 'h',
    preimage: { templateDigest, values: {}, code: {} },
    contributions: { precise: {}, broad: [] },
    because: [],
    needs: { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 },
    backend: 'memory',
    createTime: 1,
    reads: [],
    writes: [],
  };
  return { type: 'AttemptIntended', task, attempt };
}

/** What judging asks of a finished task's record. */
function asked({ attempts, ...rest }: TaskRecord): unknown {
  const brief = attempts.map((a) => {
    const { number, uid, state, execution, needs, writes, preimage, outcome } = a;
    const { phase, reason, elapsedMs, outputs } = outcome as Outcome;
    const { templateDigest } = preimage;
    const of = { phase, reason, outputs, ...(elapsedMs === undefined ? {} : { elapsedMs }) };
    return { number, uid, state, execution, needs, writes, preimage: { templateDigest }, outcome: of };
  });
  return { settled: true, ...rest, attempts: brief };
}

export function entryOf(): fc.Arbitrary<TaskEntry> {
  const task = fc.constantFrom('a', 'b', 'c');
  const number = fc.integer({ min: 1, max: 4 });
  return fc.oneof(
    fc.tuple(task, number).map(([t, n]): TaskEntry => intended(t, n)),
    fc.tuple(task, number).map(
      ([t, n]): TaskEntry => ({
        type: 'AttemptEnded',
        task: t,
        number: n,
        outcome: { phase: 'Succeeded', reason: 'Completed', finishTime: 1, outputs: [] },
      }),
    ),
    fc.tuple(task, number).map(([t, upTo]): TaskEntry => ({ type: 'TaskReset', task: t, upTo, cause: 'test' })),
    fc.tuple(task, task).map(([t, to]): TaskEntry => ({ type: 'TaskMoved', task: t, to })),
    task.map((t): TaskEntry => ({ type: 'TaskPruned', task: t })),
  );
}
