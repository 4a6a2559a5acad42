import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attempt, emptyRecord, lastAttempt, type Outcome, type TaskRecord } from '../../../src/planning/record.ts';
import { askedOf, recordOf, recordText } from '../../../src/store/record-text.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const number = fc.nat();
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });

const outcome: fc.Arbitrary<Outcome> = fc.record({
  phase: fc.constantFrom('Succeeded', 'Succeeded', 'Failed', 'Cancelled'),
  reason: text,
  message: maybe(text),
  exitCode: maybe(number),
  signal: maybe(text),
  finishTime: number,
  elapsedMs: maybe(number),
  usage: maybe(fc.record({ cpuSeconds: maybe(number), maxRssBytes: maybe(number) })),
  outputs: fc.array(fc.record({ name: text, path: text, digest: text, sizeBytes: maybe(number) }), { maxLength: 3 }),
});

const attempt: fc.Arbitrary<Attempt> = fc.record({
  number,
  uid: text,
  state: fc.constantFrom('Ended', 'Ended', 'Ended', 'Started'),
  generation: number,
  definition: text,
  execution: text,
  handling: text,
  preimage: fc.record({ templateDigest: text, values: fc.dictionary(text, text), code: fc.dictionary(text, text) }),
  contributions: fc.record({ precise: fc.dictionary(text, fc.array(text)), broad: fc.array(text) }),
  because: fc.array(fc.record({ field: text, old: text, new: text }), { maxLength: 2 }),
  needs: fc.record({ cpu: number, memoryBytes: number, gpu: number, walltimeMs: number }),
  backend: text,
  createTime: number,
  writes: fc.array(fc.record({ name: text, path: text, lookId: text }), { maxLength: 3 }),
  reads: fc.array(fc.record({ slot: text, looks: fc.array(text) }), { maxLength: 2 }),
  handle: maybe(fc.dictionary(text, number)),
  directory: maybe(text),
  startTime: maybe(number),
  outcome,
});

const record: fc.Arbitrary<TaskRecord> = fc.record({
  key: text,
  attempts: fc.array(attempt, { maxLength: 3 }),
  floor: number,
  resetUpTo: number,
  forgivenUpTo: number,
  cancelled: maybe(fc.record({ request: text, execution: maybe(text) })),
  releasedUpTo: number,
  putBack: maybe(number),
  resetAlsoFor: maybe(text),
});

/** As JSON has it: without members that are undefined, and without inherited ones. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a record as the ledger has it', () => {
  it('is what was written, whatever it is', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(plain(recordOf(recordText(one)))).toEqual(plain(one));
      }),
    );
  });

  it('says in its first line what judging asks, and nothing else than the whole', () => {
    let settled = 0;
    fc.assert(
      fc.property(record, (one) => {
        const asked = askedOf(recordText(one));
        if (!('settled' in asked)) {
          expect(plain(asked)).toEqual(plain(one));
          return;
        }
        settled++;
        const { settled: _, ...members } = asked;
        expect(plain(one)).toMatchObject(plain(members) as object);
      }),
    );
    expect(settled).toBeGreaterThan(5);
  });

  it('is read in one line, too, as before', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(plain(recordOf(JSON.stringify(one)))).toEqual(plain(one));
      }),
    );
  });

  it('of a task that has nothing is one line', () => {
    expect(recordText(emptyRecord('a'))).not.toContain('\n');
    expect(lastAttempt(recordOf(recordText(emptyRecord('a'))))).toBeUndefined();
  });
});
