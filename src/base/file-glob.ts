import { expandBraces } from './glob.ts';
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
 * one translation, to an expression that JavaScript and POSIX (`find -regextype posix-extended`) read the same way.
 */
export interface FileGlob {
  readonly source: string;
  /** The folder before the first wildcard. */
  readonly folder: string;
  /** Levels below `folder` that a match may lie at; undefined: any number. */
  readonly depth: number | undefined;
  /** Over whole paths. */
  readonly expression: string;
  matches(path: string): boolean;
}

export function parseFileGlob(source: string): Result<FileGlob, string> {
  const alternatives = expandBraces(source);
  if (!alternatives.ok) return alternatives;
  const folder = globFolder(source);
  const expressions: string[] = [];
  let depth: number | undefined = 0;
  for (const alternative of alternatives.value) {
    const segments = alternative.split('/');
    const translated = translatePath(segments);
    if (!translated.ok) return fail(`${source}: ${translated.error}`);
    expressions.push(translated.value);
    const levels = segments.length - (folder === '/' ? 1 : folder.split('/').length);
    depth = depth === undefined || segments.includes('**') ? undefined : Math.max(depth, levels);
  }
  const expression = expressions.length === 1 ? (expressions[0] as string) : `(${expressions.join('|')})`;
  // Both sides see bytes: the runtime's `find` by LC_ALL=C, this side by one character a byte.
  const compiled = new RegExp(`^(?:${asBytes(expression)})$`);
  return ok({
    source,
    folder,
    depth,
    expression,
    matches: (path) => !path.includes('\n') && compiled.test(asBytes(path)),
  });
}

/** The folder before the first wildcard: where a walk starts, and what names of matches are relative to. */
export function globFolder(pattern: string): string {
  const fixed = pattern.slice(0, pattern.search(/[*?[{]|$/));
  return fixed.slice(0, fixed.lastIndexOf('/')) || '/';
}

function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function translatePath(segments: readonly string[]): Result<string, string> {
  let expression = '';
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '**') {
      expression += last ? `${VISIBLE}(/${VISIBLE})*` : `(${VISIBLE}/)*`;
      continue;
    }
    const name = translateName(segment);
    if (!name.ok) return name;
    expression += name.value + (last ? '' : '/');
  }
  return ok(expression);
}

/** A whole name that does not begin with a dot. */
const VISIBLE = '[^/.][^/]*';

function translateName(name: string): Result<string, string> {
  let expression = '';
  /** Nothing that must be there has come yet: a wildcard here would match a leading dot. */
  let leading = true;
  for (let i = 0; i < name.length; i++) {
    const c = name[i] as string;
    if (c === '*') {
      while (name[i + 1] === '*') i++;
      if (!leading) expression += '[^/]*';
      else if (i === name.length - 1 || name[i + 1] === '.') {
        expression += VISIBLE;
        leading = false;
      } else expression += `(${VISIBLE})?`;
      continue;
    }
    if (c === '?') expression += leading ? '[^/.]' : '[^/]';
    else if (c === '[') {
      const close = name.indexOf(']', i + 2);
      if (close < 0) return fail('the [ is never closed');
      const set = translateSet(name.slice(i + 1, close), leading);
      if (!set.ok) return set;
      expression += set.value;
      i = close;
    } else expression += c.replace(/[\\.()[\]+?{}|^$]/, '\\$&');
    leading = false;
  }
  return ok(expression);
}

function translateSet(body: string, leading: boolean): Result<string, string> {
  const negated = /^[!^]/.test(body);
  const members = negated ? body.slice(1) : body;
  if (!/^(?:[A-Za-z0-9_.,:=@+%~]-[A-Za-z0-9_.,:=@+%~]|[A-Za-z0-9_.,:=@+%~])+-?$/.test(members))
    return fail(`in [${body}] only letters, digits, _ . , : = @ + % ~ and ranges of them can stand`);
  for (const [, from, to] of members.matchAll(/(.)-(.)/g))
    if ((from as string) > (to as string)) return fail(`in [${body}] the range ${from}-${to} is the wrong way round`);
  if (!negated) return ok(`[${members}]`);
  return ok(leading ? `[^/.${members}]` : `[^/${members}]`);
}
