import { fail, ok, type Result } from '../base/result.ts';
import { EvaluationFailure, Frame } from './evaluation.ts';
import { compilePattern } from './pattern.ts';

/** A user's regular expression (RE2) for data that no expression reads, with a budget of its own. */
export interface TextPattern {
  /** Whether the pattern is found anywhere in `text`; an error when the budget is used up. */
  matches(text: string): Result<boolean, string>;
}

/** `budget`: characters of text times instructions of the pattern, over all calls. */
export function textPattern(source: string, budget: number): Result<TextPattern, string> {
  const pattern = compilePattern(source);
  if (!pattern.ok) return pattern;
  let left = budget;
  return ok({
    matches: (text) => {
      left -= (text.length + 1) * pattern.value.size;
      if (left < 0) return fail(`matching ${JSON.stringify(source)} takes too long`);
      try {
        return ok(pattern.value.found(text, new Frame({})));
      } catch (error) {
        if (error instanceof EvaluationFailure) return fail(`matching ${JSON.stringify(source)} ${error.message}`);
        throw error;
      }
    },
  });
}
