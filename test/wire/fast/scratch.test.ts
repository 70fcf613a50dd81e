import { expect, it } from 'vitest';
import { Scratch } from '../../../src/wire/fast/scratch.ts';

function batch(scratch: Scratch, bytes: number): number {
  scratch.clear();
  scratch.ensure(bytes);
  scratch.at += bytes;
  return scratch.bytes.length;
}

it('keeps the memory of a long batch while long ones keep coming, and not for ever', () => {
  const scratch = new Scratch();
  const usual = batch(scratch, 10);
  expect(batch(scratch, 1_000_000)).toBeGreaterThan(usual);
  const { buffer } = scratch.bytes;
  for (let round = 0; round < 5; round += 1) {
    for (let short = 0; short < 20; short += 1) batch(scratch, 10);
    batch(scratch, 1_000_000);
  }
  expect(scratch.bytes.buffer).toBe(buffer);
  for (let short = 0; short < 100; short += 1) batch(scratch, 10);
  expect(scratch.bytes.length).toBe(usual);
});

it('gives a very long one back at once', () => {
  const scratch = new Scratch();
  const usual = batch(scratch, 10);
  batch(scratch, 10_000_000);
  expect(batch(scratch, 10)).toBe(usual);
});
