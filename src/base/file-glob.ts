import { expandBraces } from './glob.ts';
import { ANY, matchPath, type NamePart, type NameProgram, NOT_A_DOT, type PathProgram, STAR } from './match-path.ts';
import { fail, ok, type Result } from './result.ts';

/**
 * Patterns over files, as `glob` of inputs and outputs has them:
 *
 * | text | matches |
 * |---|---|
 * | `*` | any bytes within one name |
 * | `?` | one byte |
 * | `[a-z0-9]`, `[!a-z]` | one of these, none of these; ASCII only |
 * | `{a,b}` | either |
 * | `**` as a whole segment | any number of folders; at the end, everything below |
 *
 * As in a shell, a wildcard does not match the dot that a name begins with. Names with line breaks are never matched.
 *
 * The daemon and the attempt runtime must agree to the byte on what matches, or a result would never stand. So there is
 * one translation, to an expression for `find -regextype posix-extended` and to a program of our own: JavaScript's
 * expressions backtrack, and `*a*a*a*a*b` would hold up the process for ever.
 */
export interface FileGlob {
  readonly source: string;
  /** The folder before the first wildcard. */
  readonly folder: string;
  /** Levels below `folder` that a match may lie at; undefined: any number. */
  readonly depth: number | undefined;
  /** Over whole paths, for `find`. */
  readonly expression: string;
  matches(path: string): boolean;
  /** The same for a path whose bytes are one character each (latin1): names need not be UTF-8. */
  matchesBytes(path: string): boolean;
}

export function parseFileGlob(source: string): Result<FileGlob, string> {
  const alternatives = expandBraces(source);
  if (!alternatives.ok) return alternatives;
  const folder = globFolder(source);
  const expressions: string[] = [];
  const programs: PathProgram[] = [];
  let depth: number | undefined = 0;
  for (const alternative of alternatives.value) {
    const segments = alternative.split('/');
    const translated = translatePath(segments);
    if (!translated.ok) return fail(`${source}: ${translated.error}`);
    expressions.push(translated.value.expression);
    programs.push(translated.value.program);
    const levels = segments.length - (folder === '/' ? 1 : folder.split('/').length);
    depth = depth === undefined || segments.includes('**') ? undefined : Math.max(depth, levels);
  }
  const expression = expressions.length === 1 ? (expressions[0] as string) : `(${expressions.join('|')})`;
  const matchesBytes = (path: string): boolean => {
    if (path.includes('\n')) return false;
    const names = path.split('/');
    return programs.some((program) => matchPath(program, names));
  };
  return ok({ source, folder, depth, expression, matchesBytes, matches: (path) => matchesBytes(asBytes(path)) });
}

/** The folder before the first wildcard: where a walk starts, and what names of matches are relative to. */
export function globFolder(pattern: string): string {
  const fixed = pattern.slice(0, pattern.search(/[*?[{]|$/));
  return fixed.slice(0, fixed.lastIndexOf('/')) || '/';
}

/** One character a byte: the runtime's `find` sees bytes, too, by LC_ALL=C. */
export function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** An expression for `find` and a program for us, made side by side so that they say the same. */
interface Translated<Program> {
  readonly expression: string;
  readonly program: Program;
}

function translatePath(segments: readonly string[]): Result<Translated<PathProgram>, string> {
  let expression = '';
  const program: (NameProgram | 'Folders')[] = [];
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '**') {
      expression += last ? `${VISIBLE}(/${VISIBLE})*` : `(${VISIBLE}/)*`;
      program.push('Folders');
      continue;
    }
    const name = translateName(segment);
    if (!name.ok) return name;
    expression += name.value.expression + (last ? '' : '/');
    program.push(name.value.program);
  }
  return ok({ expression, program });
}

/** A whole name that does not begin with a dot. */
const VISIBLE = '[^/.][^/]*';

function translateName(name: string): Result<Translated<NameProgram>, string> {
  let expression = '';
  const parts: NamePart[] = [];
  /** Nothing that must be there has come yet: a wildcard here would match a leading dot. */
  let leading = true;
  let hidden = false;
  for (let i = 0; i < name.length; i++) {
    const c = name[i] as string;
    if (c === '*') {
      while (name[i + 1] === '*') i++;
      if (!leading) expression += '[^/]*';
      else if (i === name.length - 1 || name[i + 1] === '.') {
        expression += VISIBLE;
        parts.push(NOT_A_DOT);
        leading = false;
      } else {
        expression += `(${VISIBLE})?`;
        hidden = true;
      }
      parts.push(STAR);
      continue;
    }
    if (c === '?') {
      expression += leading ? '[^/.]' : '[^/]';
      parts.push(leading ? NOT_A_DOT : ANY);
    } else if (c === '[') {
      const close = name.indexOf(']', i + 2);
      if (close < 0) return fail('the [ is never closed');
      const set = translateSet(name.slice(i + 1, close), leading);
      if (!set.ok) return set;
      expression += set.value.expression;
      parts.push(set.value.program);
      i = close;
    } else {
      expression += c.replace(/[\\.()[\]+?{}|^$]/, '\\$&');
      // A character outside the basic plane comes in two halves, which are bytes only together.
      const whole = String.fromCodePoint(name.codePointAt(i) as number);
      for (const byte of asBytes(whole)) parts.push(byte);
      expression += whole.slice(1);
      i += whole.length - 1;
    }
    leading = false;
  }
  return ok({ expression, program: { parts, hidden } });
}

function translateSet(body: string, leading: boolean): Result<Translated<NamePart>, string> {
  const negated = /^[!^]/.test(body);
  const members = negated ? body.slice(1) : body;
  if (!/^(?:[A-Za-z0-9_.,:=@+%~]-[A-Za-z0-9_.,:=@+%~]|[A-Za-z0-9_.,:=@+%~])+-?$/.test(members))
    return fail(`in [${body}] only letters, digits, _ . , : = @ + % ~ and ranges of them can stand`);
  for (const [, from, to] of members.matchAll(/(.)-(.)/g))
    if ((from as string) > (to as string)) return fail(`in [${body}] the range ${from}-${to} is the wrong way round`);
  const expression = negated ? `[^/${leading ? '.' : ''}${members}]` : `[${members}]`;
  // One byte against one set: nothing here can backtrack.
  const set = new RegExp(`^${expression}$`);
  return ok({ expression, program: { has: (byte) => set.test(byte) } });
}
