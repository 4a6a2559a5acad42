import { expect, test } from 'vitest';
import { matchesLabels, parseLabelSelector } from '../../../src/base/label-selector.ts';

const LABELS = { app: 'calls', tier: 'gold', 'example.org/x': '1' };

test.each([
  ['', true],
  ['app=calls', true],
  ['app==calls', true],
  ['app!=calls', false],
  ['app=calls,tier=silver', false],
  ['tier in (gold, silver)', true],
  ['tier notin (gold)', false],
  ['missing notin (gold)', true],
  ['missing!=x', true],
  ['missing=x', false],
  ['tier', true],
  ['!tier', false],
  ['!missing', true],
  ['example.org/x=1', true],
  ['app in (a,calls),tier', true],
  ['toString', false],
  ['!constructor', true],
])('%j on the labels: %j', (text, expected) => {
  const selector = parseLabelSelector(text);
  expect(selector.ok && matchesLabels(selector.value, LABELS)).toBe(expected);
});

test('nothing matches where labels are missing, unless it asks for absence', () => {
  const wanted = parseLabelSelector('a');
  const absent = parseLabelSelector('!a');
  expect(wanted.ok && matchesLabels(wanted.value, undefined)).toBe(false);
  expect(absent.ok && matchesLabels(absent.value, undefined)).toBe(true);
});

test.each(['a b', '=x', 'a in x', 'a in (b', '-a', 'a=b=c'])('%j cannot be read', (text) => {
  expect(parseLabelSelector(text).ok).toBe(false);
});
