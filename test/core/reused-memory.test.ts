import { describe, expect, it } from 'vitest';
import { ReusedMemory } from '../../src/core/reused-memory.ts';

describe('memory that is used again', () => {
  it('is given once until it comes back', () => {
    const memory = new ReusedMemory(2);
    const [one, other] = [memory.take(100), memory.take(100)];
    expect(other.buffer).not.toBe(one.buffer);
    memory.give(one.subarray(10, 20));
    memory.give(one);
    expect(memory.take(100).buffer).toBe(one.buffer);
    expect(memory.take(100).buffer).not.toBe(one.buffer);
  });

  it('is large enough', () => {
    const memory = new ReusedMemory(2);
    memory.give(memory.take(10));
    expect(memory.take(1_000_000).length).toBeGreaterThanOrEqual(1_000_000);
  });

  it('keeps so many pieces, the newest, and no very large ones', () => {
    const memory = new ReusedMemory(2);
    const pieces = [1, 2, 3].map(() => memory.take(100));
    for (const piece of pieces) memory.give(piece);
    const again = [memory.take(100), memory.take(100), memory.take(100)].map(({ buffer }) => buffer);
    expect(again.map((buffer) => pieces.findIndex((piece) => piece.buffer === buffer))).toEqual([2, 1, -1]);
    const large = memory.take(5_000_000);
    memory.give(large);
    expect(memory.take(5_000_000).buffer).not.toBe(large.buffer);
  });

  it('leaves memory alone that is not its own', () => {
    const memory = new ReusedMemory(1);
    const foreign = Buffer.from('a small buffer stands in memory that others use');
    memory.give(foreign);
    expect(memory.take(10).buffer).not.toBe(foreign.buffer);
  });
});
