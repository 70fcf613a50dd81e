import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/wire/fast/arena.ts';

const large = 1_000_000;

/** Where a batch of so many bytes is written to, and what its holder lets go of. */
function write(arena: Arena, size: number) {
  arena.reserve(size);
  const memory = arena.hold();
  const from = arena.at;
  arena.at += size;
  return { memory, buffer: arena.bytes.buffer, from, to: arena.at };
}

type Place = Omit<ReturnType<typeof write>, 'memory'>;

function overlaps(one: Place, other: Place): boolean {
  return one.buffer === other.buffer && one.from < other.to && other.from < one.to;
}

describe.each([
  ['shared by many batches', 100_000, 6],
  ['of one large batch', large, 1],
])('memory %s', (_, size, batches) => {
  const some = (arena: Arena) => Array.from({ length: batches }, () => write(arena, size));

  it('is used again once all have let go of it, and not before', () => {
    const arena = new Arena();
    const first = some(arena);
    const second = some(arena);
    expect(second.some((place) => first.some((before) => overlaps(place, before)))).toBe(false);
    for (const { memory } of first) memory.release();
    const third = [...some(arena), ...some(arena)];
    expect(third.some((place) => first.some((before) => overlaps(place, before)))).toBe(true);
  });

  it('is not used again where somebody may still read it', () => {
    const arena = new Arena();
    const first = some(arena);
    for (const { memory } of first) {
      memory.keep();
      memory.release();
    }
    const later = Array.from({ length: 4 }, () => some(arena)).flat();
    expect(later.some((place) => first.some((before) => overlaps(place, before)))).toBe(false);
  });
});
