import type { SchemaNode, TextFormat } from './schema-node.ts';

/**
 * The formats of literals as regular expressions that RE2 and JavaScript read alike, for the cluster and for editors. The
 * validator has the same rules in words (`walk-schema.ts`), and some that no pattern can say: none of these refuses
 * what it accepts.
 */
const DURATION = String.raw`(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?`;
const CLOCK = String.raw`(?:\d{1,5}-)?\d{1,5}:[0-5]\d:[0-5]\d`;
const KEY_SEGMENT = '[A-Za-z0-9_.=,:+@~-]+';

type Bounds = Pick<SchemaNode, 'pattern' | 'minimum' | 'minLength' | 'maxLength'>;

const FORMATS: { readonly [F in TextFormat]: Bounds } = {
  'task-name': { maxLength: 63 },
  name: { maxLength: 63 },
  'env-name': {},
  'param-type': {
    pattern: '(?:(?:list|map)<){0,16}(?:string|int|double|bool|path|duration|quantity|any)>{0,16}',
  },
  mode: { pattern: '0?[0-7]{3,4}' },
  key: { pattern: `${KEY_SEGMENT}(?:/${KEY_SEGMENT})*` },
  integer: { pattern: String.raw`-?\d{1,15}` },
  quantity: {
    pattern: String.raw`\+?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3}|Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?`,
    minimum: 0,
  },
  count: { pattern: String.raw`\d{1,9}`, minimum: 0 },
  duration: { pattern: DURATION, minLength: 1 },
  walltime: { pattern: `${DURATION}|${CLOCK}`, minLength: 1 },
};

/** What the format of a field adds to its schema. Where expressions may stand, so may any text that holds one. */
export function formatBounds(node: SchemaNode): Bounds {
  const format = node['x-fixpoint-format'];
  if (format === undefined) return {};
  const { pattern, ...rest } = FORMATS[format];
  if (pattern === undefined) return rest;
  const whole = `^(?:${pattern})$`;
  return { ...rest, pattern: node['x-fixpoint-text'] === 'literal' ? whole : `${whole}|\\$\\{\\{` };
}

/**
 * `x-fixpoint-one-of` in words that a structural schema may hold: for each field, that it is there and that the others
 * are absent or null. CEL could say it better, but sees no lists of any JSON, and its budget ends before lists within
 * lists. A null passes every bound of length, and no other value of such a field is empty; `enum: [null]` is not
 * understood by the API server.
 */
export function oneOfAlternatives(node: SchemaNode): readonly object[] {
  const fields = node['x-fixpoint-one-of'] ?? [];
  return fields.map((field) => {
    const others = fields.filter((other) => other !== field).map((other) => [other, empty(node, other)] as const);
    return { required: [field], ...(others.length > 0 ? { properties: Object.fromEntries(others) } : {}) };
  });
}

function empty(node: SchemaNode, field: string): object {
  const type = node.properties?.[field]?.type;
  return type === 'array' ? { maxItems: 0 } : type === 'object' ? { maxProperties: 0 } : { maxLength: 0 };
}
