import { expect, it } from 'vitest';
import { GpuSlots } from '../../../src/backends/process/gpu-slots.ts';

it('hands each id to one attempt at a time, the lowest first', () => {
  const slots = new GpuSlots(3);
  expect(slots.take('a', 2)).toBe('0,1');
  expect(slots.take('b', 1)).toBe('2');
  expect(slots.take('c', 0)).toBe('');
  slots.giveBack('a');
  expect(slots.take('d', 1)).toBe('0');
});

it('keeps what an attempt of an earlier daemon has', () => {
  const slots = new GpuSlots(2);
  slots.keep('old', [0]);
  slots.keep('old', [0]);
  expect(slots.take('new', 1)).toBe('1');
  slots.giveBack('old');
  expect(slots.take('newer', 1)).toBe('0');
});

it('gives to nobody else what two attempts of an earlier daemon may have', () => {
  const slots = new GpuSlots(2);
  slots.keep('surely', [1]);
  // Its file was damaged.
  slots.keep('perhaps', [0, 1, 7]);
  slots.giveBack('perhaps');
  expect(slots.take('new', 2)).toBe('0');
  slots.giveBack('surely');
  expect(slots.take('newer', 2)).toBe('1');
});

it('says nothing of ids on a machine without any', () => {
  expect(new GpuSlots(0).take('a', 0)).toBeUndefined();
});
