import { RE2JS } from '@bufbuild/re2';
import { MAX_PATTERN_CHARS } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Frame, failure } from './evaluation.ts';

/**
 * A regular expression of a user. Always RE2, in time linear in the text: the engine of the language we are
 * written in can be made to run for hours by thirty characters.
 */
export interface Pattern {
  /** Instructions of the compiled program: matching costs at most this times the text. */
  readonly size: number;
  /** Whether the pattern is found anywhere in `text`. */
  found(text: string, frame: Frame): boolean;
}

/** In the worst case matching takes 0.5 ns per character and instruction. */
const CHARACTERS_PER_STEP_SHIFT = 5;

/** Counted repetitions are bounded by the package: 1,000 copies, however nested. */
export function compilePattern(source: string): Result<Pattern, string> {
  if (source.length > MAX_PATTERN_CHARS) {
    return fail(`the pattern is longer than ${MAX_PATTERN_CHARS} characters (MAX_PATTERN_CHARS)`);
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    return fail(`${JSON.stringify(source)} is no RE2 pattern: ${(error as Error).message}`);
  }
  const size = compiled.re2().prog.numInst();
  return ok({
    size,
    found: (text, frame) => {
      frame.spend(1 + Math.floor((text.length * size) / 2 ** CHARACTERS_PER_STEP_SHIFT));
      return compiled.test(text);
    },
  });
}

const RECENT = 64;
/** Compiling takes about 10 µs per instruction, ten times that where Unicode classes are copied. */
const STEPS_PER_INSTRUCTION = 300;

/** The patterns used last, so that a loop compiles each once. */
const recent = new Map<string, Pattern>();

export function patternAtRunTime(source: string, frame: Frame): Pattern {
  const known = recent.get(source);
  if (known !== undefined) return known;
  const made = compilePattern(source);
  if (!made.ok) throw failure(made.error);
  frame.spend(made.value.size * STEPS_PER_INSTRUCTION * (source.includes('\\p') ? 10 : 1));
  if (recent.size >= RECENT) recent.delete(recent.keys().next().value ?? '');
  recent.set(source, made.value);
  return made.value;
}
