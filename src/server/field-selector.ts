import { fail, ok, type Result } from '../base/result.ts';

/** Field selectors: only `metadata.name` and `metadata.namespace`, by equality. */
export function parseFieldSelector(text: string): Result<ReadonlyMap<string, string>, string> {
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const match = /^\s*(metadata\.name|metadata\.namespace)\s*={1,2}\s*(\S+)\s*$/.exec(part);
    if (match === null)
      return fail(`field selector ${JSON.stringify(part)}: only metadata.name=X and metadata.namespace=X`);
    fields.set(match[1] ?? '', match[2] ?? '');
  }
  return ok(fields);
}
