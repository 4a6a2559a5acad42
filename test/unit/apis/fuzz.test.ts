import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { decode } from '../../../src/apis/decode.ts';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import { EVERYTHING, MINIMAL, SMALL } from './documents.ts';

/**
 * Mutated documents: whatever comes in, nothing is thrown and every problem has a place, a code and words.
 * `FIXPOINT_FUZZ` is the number of documents of each kind, `FIXPOINT_FUZZ_SEED` where chance begins.
 */
const RUNS = Number(process.env['FIXPOINT_FUZZ'] ?? '2000') / 2;
/** A run takes milliseconds; a loaded machine is given many times that. */
const TIMEOUT_MS = 30_000 + RUNS * 60;
const SEED = Number(process.env['FIXPOINT_FUZZ_SEED'] ?? '1');

/** A small generator of our own, so that a run is repeated by its number alone. */
function chance(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

const SCRAPS = [
  '',
  ' ',
  '\n',
  '\t',
  ':',
  ': ',
  '- ',
  '? ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  "'",
  '|',
  '>',
  '|2-',
  '&a ',
  '*a',
  '!x ',
  '!!str ',
  '%',
  '@',
  '`',
  '#',
  ' #',
  '---\n',
  '...\n',
  '<<: ',
  '~',
  'null',
  'yes',
  'y: ',
  '0o7',
  '010',
  '1e999',
  '.inf',
  '${{',
  '${{ x }}',
  '}}',
  '\0',
  '\r',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\u{1f600}',
  '__proto__: ',
  'constructor',
  '\\',
  '\\"',
  '\\u0000',
  'a'.repeat(300),
  '['.repeat(150),
  '- '.repeat(150),
]; // prettier-ignore

function mutateText(text: string, next: (below: number) => number): string {
  let out = text;
  for (let n = 1 + next(4); n > 0; n--) {
    const at = next(out.length + 1);
    const length = next(3) === 0 ? next(40) : next(3);
    const scrap =
      next(4) === 0 ? out.slice(next(out.length + 1)).slice(0, next(60)) : (SCRAPS[next(SCRAPS.length)] ?? '');
    out = out.slice(0, at) + scrap + out.slice(at + length);
  }
  return out;
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e300,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  'x',
  '${{ x }}',
  '-',
  '__proto__',
  'a/b',
  'x'.repeat(5000),
  '\u{1f600}',
  [],
  {},
  [[]],
  [null],
  [1, 'a', {}],
  { name: 'a' },
  { name: null },
  { name: 1 },
  [{ name: 'a' }, { name: 'a' }],
  { length: 1 },
  { constructor: 1 },
  JSON.parse('{"__proto__": {"a": 1}}'),
]; // prettier-ignore

/** Replaces, removes, doubles or renames something at a random place. */
function mutateValue(value: unknown, next: (below: number) => number): unknown {
  if (next(4) === 0 || typeof value !== 'object' || value === null) return VALUES[next(VALUES.length)];
  if (Array.isArray(value)) {
    if (value.length === 0) return [VALUES[next(VALUES.length)]];
    const at = next(value.length);
    const kind = next(4);
    if (kind === 0) return value.toSpliced(at, 1);
    if (kind === 1) return [...value, value[at]];
    return value.with(at, mutateValue(value[at], next));
  }
  const entries = Object.entries(value);
  const entry = entries[next(entries.length + 1)];
  if (entry === undefined) return { ...value, [String(VALUES[next(VALUES.length)])]: VALUES[next(VALUES.length)] };
  const [key, member] = entry;
  const kind = next(5);
  const rest = Object.fromEntries(entries.filter(([other]) => other !== key));
  if (kind === 0) return rest;
  if (kind === 1) return { ...rest, [`${key}s`]: member };
  return { ...value, [key]: mutateValue(member, next) };
}

function check(text: string, file: string): void {
  const { documents, diagnostics } = readWorkflows(text, file);
  for (const d of diagnostics) {
    expect(d.code).toMatch(/^E-[A-Z-]+$/);
    expect(d.message.length).toBeGreaterThan(3);
    expect(d.message).not.toMatch(/undefined|\[object|NaN/);
    expect(d.file).toBe(file);
    expect(Number.isInteger(d.line) && d.line >= 1 && Number.isInteger(d.column) && d.column >= 1).toBe(true);
  }
  for (const { document } of documents) expect(document.spec.tasks.length).toBeGreaterThan(0);
  // Every place that is asked for later exists too, even in a document that is not valid; it costs a second reading.
  if (text.length % 4 !== 0) return;
  for (const { locate } of decode(text, file).documents) {
    const place = locate({
      severity: 'error',
      code: 'E-X',
      path: ['spec', 'tasks', 3, 'run'],
      message: 'x',
      offset: 7,
    });
    expect(place.line >= 1 && place.column >= 1).toBe(true);
  }
}

const SEEDS = [EVERYTHING, SMALL, MINIMAL];

test(
  'texts with scraps thrown in',
  () => {
    for (let run = 0; run < RUNS; run++) {
      const next = chance(SEED * 1_000_003 + run);
      const text = mutateText(SEEDS[next(SEEDS.length)] ?? '', next);
      repeatable(run, () => check(text, next(3) === 0 ? 'a.json' : 'a.yaml'));
    }
  },
  TIMEOUT_MS,
);

test(
  'documents with parts exchanged, as YAML and as JSON',
  () => {
    const values = SEEDS.map((text) => decode(text, 'a.yaml').documents[0]?.value);
    for (let run = 0; run < RUNS; run++) {
      const next = chance(SEED * 7_000_003 + run);
      let value = values[next(values.length)];
      for (let n = 1 + next(4); n > 0; n--) value = mutateValue(value, next);
      const json = next(2) === 0;
      repeatable(run, () => check(json ? JSON.stringify(value) : stringify(value ?? null), json ? 'a.json' : 'a.yaml'));
    }
  },
  TIMEOUT_MS,
);

/** Names the run that failed: the seed and the number repeat it. */
function repeatable(run: number, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw new Error(`run ${run} of seed ${SEED}`, { cause: error });
  }
}
