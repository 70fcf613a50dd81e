import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from '../support.ts';
import { expectEqual, expectWalked, fallbacksSoFar } from './equal.ts';

/** Few values each, so that events are often alike, or alike but for one field. */
const size = fc.constantFrom<unknown>(16, 32, null, 2n ** 60n);
const adapter = fc.constantFrom<unknown>(null, 1);
/** The longest are too long to be remembered, by themselves or as JSON. */
const medium = fc.constantFrom<unknown>(
  'GPU',
  'GPV',
  'CPU',
  null,
  'é"\\',
  'x'.repeat(85),
  'x'.repeat(300),
  '\u0001'.repeat(90),
);
const keys = fc.constantFrom<unknown>([null], [], null, ['a', null, null, 'b']);
const group = fc.constantFrom<unknown>(0, 1, 300);
const stored = fc
  .tuple(
    fc.array(fc.nat(), { maxLength: 2 }),
    size,
    adapter,
    medium,
    adapter,
    keys,
    group,
    medium,
    size,
    fc.integer({ min: 3, max: 12 }),
  )
  .map(([hashes, block, lora, where, , extra, id, kind, window, slots]) =>
    ['BlockStored', hashes, null, [1, 2], block, lora, where, null, extra, id, kind, window].slice(0, slots),
  );
const removed = fc
  .tuple(medium, group, fc.integer({ min: 2, max: 4 }))
  .map(([where, id, slots]) => ['BlockRemoved', [7], where, id].slice(0, slots));
const event = fc.oneof(stored, removed);

describe('events with fields like those of the event before are written as the reference implementation writes them', () => {
  it('within a message and from one to the next', () => {
    const messages = fc.array(fc.array(event, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(messages, (batches) => {
        for (const events of batches) expectWalked(pack([1.5, events, 0]));
      }),
      { numRuns: 1_000 },
    );
  });

  it('where the message ends within them', () => {
    const event = ['BlockStored', [7], 7, [1], 16, null, 'GPU', null, [null], 0, 'full_attention', null];
    const message = pack([1.5, [event, ['BlockRemoved', [7], 'GPU', 0]], 0]);
    for (let length = 0; length <= message.length; length += 1) {
      expectWalked(message);
      expectEqual(message.subarray(0, length));
    }
  });

  it('where a field of them has a value of another kind', () => {
    const fields: readonly unknown[] = [16, null, 'GPU', null];
    const messageOf = (values: readonly unknown[]) => pack([1.5, [['BlockStored', [7], null, [1], ...values]], 0]);
    for (let slot = 0; slot < fields.length; slot += 1) {
      expectWalked(messageOf(fields));
      for (const value of [true, 1.5, [], Buffer.of(1)]) expectEqual(messageOf(fields.with(slot, value)));
      expectWalked(messageOf(fields));
    }
  });

  it('and cost as much memory as those', () => {
    const text = 'x'.repeat(80);
    const event = ['BlockStored', [], null, [], null, null, text, null, null, null, text, null];
    const before = fallbacksSoFar();
    expectEqual(pack([1.5, Array.from({ length: 60_000 }, () => event), 0]));
    expect(fallbacksSoFar()).toBe(before + 2);
  }, 60_000);
});
