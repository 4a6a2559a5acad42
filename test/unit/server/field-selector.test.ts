import { expect, test } from 'vitest';
import { parseFieldSelector } from '../../../src/server/field-selector.ts';

test('field selectors: names by equality, nothing else', () => {
  const parsed = parseFieldSelector('metadata.name=x');
  expect(parsed.ok && parsed.value.get('metadata.name')).toBe('x');
  expect(parseFieldSelector('metadata.name!=x').ok).toBe(false);
  expect(parseFieldSelector('status.phase=Failed').ok).toBe(false);
});
