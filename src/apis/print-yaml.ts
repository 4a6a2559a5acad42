import { type ScalarTag, stringify } from 'yaml';

/**
 * Characters that YAML 1.1 takes for line breaks or refuses, the one plain scalar that has a type of its own, and
 * texts of several lines of which the first or last is blank: a literal block cannot always hold those.
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffd-\uffff]|^=$|^\n|^[ \t][^]*\n|\n[ \t]+$/;
const ESCAPED = /[\u007f-\u009f\u2028\u2029\ufeff\ufffd-\uffff]/g;

/** Such strings are written as JSON strings, whose escapes YAML has too. */
const unsafeString: ScalarTag = {
  tag: 'tag:yaml.org,2002:str',
  default: true,
  identify: (value) => typeof value === 'string' && UNSAFE.test(value),
  resolve: (text) => text,
  stringify: ({ value }) =>
    JSON.stringify(value).replace(ESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
};

/**
 * Prints plain data as YAML in block style. Strings and keys that YAML 1.1 would read as something else (`on`, `n`,
 * `010`, `12:30:00`, `2001-12-14`) are quoted, so that readers of either version read what was meant. Texts of
 * several lines become literal blocks. No aliases, no folding of long lines.
 */
export function printYaml(value: unknown): string {
  return stringify(value, {
    version: '1.2',
    compat: 'yaml-1.1',
    customTags: (tags) => [unsafeString, ...tags],
    aliasDuplicateObjects: false,
    lineWidth: 0,
    minContentWidth: 0,
    blockQuote: 'literal',
  });
}
