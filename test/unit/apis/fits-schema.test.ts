import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitsSchema } from '../../../src/apis/fits-schema.ts';
import { toJsonSchema } from '../../../src/apis/json-schema.ts';
import { taskSchema } from '../../../src/apis/task-schema.ts';

// What the quick check lets pass the validator never sees: it must not be the more generous of the two.

const validator = new Ajv({ allErrors: true, strict: false, logger: false, ownProperties: true }).compile(
  toJsonSchema(taskSchema),
);

const TASK = {
  name: 'align',
  foreach: { range: { count: 3 } },
  inputs: [{ name: 'reads', path: 'data/${{ key }}' }],
  outputs: [{ name: 'bam', path: 'out/${{ key }}' }],
  env: [{ name: 'LANG', value: 'C' }],
  resources: { cpu: 2, memory: '1Gi', walltime: '1h' },
  retry: { limit: 2 },
  command: ['touch', '${{ outputs.bam }}'],
};

/** Every place in a value, the root first. */
function placesOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => placesOf(child, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

test('what is right is let pass without the validator', () => {
  expect(validator(TASK)).toBe(true);
  expect(fitsSchema(taskSchema, TASK)).toBe(true);
});

test('what the validator finds fault with is never let pass, and what it accepts always is', () => {
  const edge = fc.constantFrom<unknown>(null, '', '\u{1f600}', 'x'.repeat(300), -1, 0, 1.5, 1e9, true, [], {}, [
    'a',
    'a',
  ]);
  const change = fc.tuple(fc.constantFrom(...placesOf(TASK)), fc.oneof(edge, fc.jsonValue()));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
      const value = changes.reduce<unknown>((task, [place, by]) => {
        const there = placesOf(task).some((p) => p.join('/') === place.join('/'));
        return there ? replaced(task, place, by) : task;
      }, TASK);
      expect(fitsSchema(taskSchema, value)).toBe(validator(value));
    }),
    { numRuns: 3_000 },
  );
});
