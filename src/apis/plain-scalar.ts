/**
 * YAML words that `kubectl` (YAML 1.1, in the dialect of sigs.k8s.io/yaml) and YAML 1.2 read differently, or
 * that lose something in both. A document means the same at both doors only if nobody may write them plain.
 * The rules follow a table that was measured with kubectl and is checked in
 * `test/unit/apis/plain-scalar.test.ts`.
 */

const TRUE_IN_YAML_1_1 = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON']);
const FALSE_IN_YAML_1_1 = new Set(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF']);
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const NUMBER_START = /^[-+]?\.?\d/;
/** What YAML 1.1 takes for a float once the underscores are gone. */
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const INTEGER = /^[-+]?\d+$/;
const RADIX = /^[-+]?0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)$/;
/** The two forms that both read alike: YAML 1.2 has no sign, capital letter, underscore or `0b` here. */
const RADIX_IN_BOTH = /^0(?:x[0-9a-fA-F]+|o[0-7]+)$/;

/** How a plain value is read otherwise, as the end of a sentence; undefined if both doors read it alike. */
export function valueTrouble(source: string): string | undefined {
  if (TRUE_IN_YAML_1_1.has(source))
    return `kubectl reads the plain word ${source} as true. Write "${source}", or true.`;
  if (FALSE_IN_YAML_1_1.has(source)) {
    return `kubectl reads the plain word ${source} as false. Write "${source}", or false.`;
  }
  if (NOT_FINITE.test(source)) return `${source} has no JSON value. Write "${source}" if text is meant.`;
  // What begins with ? is text in YAML 1.2 and inside [ ] and { } the key of a map for kubectl.
  if (source.startsWith('?')) return `kubectl may read ${shown(source)} as the key of a map. Write "${shown(source)}".`;
  return NUMBER_START.test(source) && source.length <= 400 ? numberTrouble(source) : undefined;
}

function numberTrouble(source: string): string | undefined {
  const digits = source.replaceAll('_', '');
  if (!FLOAT.test(digits) && !RADIX.test(digits)) return undefined;
  const value = shown(String(Number(digits.replace(/^[-+](?=0[xXoObB])/, ''))));
  if (digits !== source)
    return `kubectl reads ${shown(source)} as the number ${shown(digits)}. Quote it, or leave out the underscore.`;
  if (RADIX.test(source) && !RADIX_IN_BOTH.test(source)) {
    return `kubectl reads ${shown(source)} as a number, YAML 1.2 as text. Quote it, or write it in decimal.`;
  }
  if (INTEGER.test(source) && /^[-+]?0\d/.test(source)) {
    return `${shown(source)} is octal for kubectl and decimal in YAML 1.2. Quote it if the zeros count, or leave them out.`;
  }
  const number = Number(source);
  if (!Number.isFinite(number)) return `${shown(source)} is too large for a number. Quote it if text is meant.`;
  if ((INTEGER.test(source) || RADIX.test(source)) && !Number.isSafeInteger(number)) {
    return `${shown(source)} has more digits than a number can hold and would become ${value}. Quote it.`;
  }
  return undefined;
}

/**
 * How a plain key is read otherwise; undefined if it is the same text for both. Keys become text, and what a
 * number or a word of YAML is as text differs: only whole numbers, `true` and `false` keep their spelling.
 */
export function keyTrouble(source: string): string | undefined {
  if (TRUE_IN_YAML_1_1.has(source))
    return `kubectl reads the plain key ${source} as true. Write "${source}", or better rename it.`;
  if (FALSE_IN_YAML_1_1.has(source)) {
    return `kubectl reads the plain key ${source} as false. Write "${source}", or better rename it.`;
  }
  if (source === '<<') return 'merge keys (<<) are not read here. Write the fields out, or use spec.defaults.';
  if (/^(?:|~|null|Null|NULL)$/.test(source))
    return `kubectl refuses the plain key ${source === '' ? '(empty)' : source}. Quote it.`;
  if (/^(?:True|TRUE|False|FALSE)$/.test(source)) {
    return `the plain key ${source} is read as ${source.toLowerCase()}. Write "${source}", or better rename it.`;
  }
  if (NOT_FINITE.test(source)) return `the plain key ${source} is read as a number. Write "${source}".`;
  if (!NUMBER_START.test(source) || source.length > 400) return valueTrouble(source);
  const digits = source.replaceAll('_', '');
  const isNumber = FLOAT.test(digits) || RADIX.test(digits);
  if (!isNumber || (/^(?:0|-?[1-9]\d*)$/.test(source) && Number.isSafeInteger(Number(source)))) return undefined;
  return `the plain key ${shown(source)} is read as a number and spelt differently. Write "${shown(source)}".`;
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
