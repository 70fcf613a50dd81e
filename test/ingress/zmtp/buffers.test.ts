import { expect, it } from 'vitest';
import { Buffers } from '../../../src/ingress/zmtp/buffers.ts';

it.each([10_000, 65_536, 65_537, 1_000_000])('room for %i bytes is used again', (size) => {
  const buffers = new Buffers();
  const [one, other] = [buffers.take(size), buffers.take(size)];
  expect(one.length).toBeGreaterThanOrEqual(size);
  expect(other.buffer).not.toBe(one.buffer);
  buffers.give(one);
  expect(buffers.take(size).buffer).toBe(one.buffer);
});

it('a frame that is announced as a long one gets what a long one has left, and need not be copied as it grows', () => {
  const buffers = new Buffers();
  const long = buffers.take(1_000_000);
  buffers.give(long);
  expect(buffers.take(131_072).length).toBe(long.length);
});
