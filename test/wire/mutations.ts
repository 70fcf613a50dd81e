import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { bytesOf, capturedFrames, hex, pack, vectors } from './support.ts';

/** The messages that all engines' publishers are known to send. */
export const seeds = [...vectors(), ...capturedFrames()].map(({ frames }) => bytesOf(frames));

/** One change to one frame; `at` is relative, so that it fits any length. */
type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'replace'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly other: number };

const nasty = [
  ...['dd01ffffff', 'ddffffffff', 'df7fffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff00', 'dcffff', 'deffff'],
  ...[
    '91'.repeat(70),
    '81c0'.repeat(70),
    '8180',
    '80',
    '90',
    'c1',
    'c400',
    'd40501',
    'd6ff00000000',
    'a1ff',
    'a3eda080',
  ],
  ...['82a95f5f70726f746f5f5f81a17801a17801', 'a95f5f70726f746f5f5f', 'ab636f6e7374727563746f72', 'a6746f4a534f4e'],
  ...['cb7ff8000000000000', 'cbfff0000000000000', 'cfffffffffffffffff', 'd38000000000000000', 'a95374726561 6d476170'],
  ...['a12424', 'a424696e74', 'c0', 'c3', 'ff', 'a0', '00'],
].map(hex);

/** What may stand in place of any value of a batch: well-formed msgpack, but not what belongs there. */
const misfits = [
  ...[null, true, 5, -1, 1.5, Number.NaN, 2n ** 63n, -(2n ** 63n), '', 'x', 'StreamGap', Buffer.from([0xc1])],
  ...[[], {}, [null], [[[]]], { $a: 1 }, { type: 'EmptyBatch' }, ['Batch'], ['New', 1, 2], { event_type: 'stored' }],
];

/** Not fc.double: that is nearly always about 0. */
const share = fc.nat(0xf_ffff).map((number) => number / 0x10_0000);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: share, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at: share }),
  fc.record({ kind: fc.constant('insert' as const), at: share, bytes: fc.constantFrom(...nasty) }),
  fc.record({ kind: fc.constant('replace' as const), at: share, bytes: fc.constantFrom(...nasty) }),
  fc.record({ kind: fc.constant('splice' as const), at: share, from: share, other: fc.nat(seeds.length - 1) }),
);
/** Messages that are nearly those of `seeds`. */
export const mutated = fc
  .record({
    seed: fc.nat(seeds.length - 1),
    // Nearly always the payload, which is the last frame.
    frame: fc.oneof({ weight: 9, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.nat(2) }),
    graft: fc.option(
      fc.record({ path: fc.array(share, { minLength: 1, maxLength: 4 }), value: fc.constantFrom(...misfits) }),
    ),
    mutations: fc.array(mutation, { maxLength: 4 }),
    frames: fc.oneof(
      { weight: 19, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -2, max: 3 }) },
    ),
  })
  .map(({ seed, frame, graft, mutations, frames }) => {
    const parts = [...(seeds[seed] ?? [])];
    const payload = parts.pop() ?? Buffer.alloc(0);
    parts.push(
      graft === null ? payload : pack(replaced(decode(payload, { useBigInt64: true }), graft.path, graft.value)),
    );
    const index = parts.length === 0 ? 0 : (frame + parts.length) % parts.length;
    parts[index] = mutations.reduce(mutate, parts[index] ?? Buffer.alloc(0));
    if (frames < 0) parts.splice(0, -frames);
    else for (let more = 0; more < frames; more += 1) parts.push(Buffer.from('more'));
    return parts;
  });

/** The tree with one node replaced; each step of the path is a share of the children. */
function replaced(tree: unknown, [step, ...path]: readonly number[], value: unknown): unknown {
  if (step === undefined || tree === null || typeof tree !== 'object' || ArrayBuffer.isView(tree)) return value;
  const entries = Object.entries(tree);
  const chosen = entries[Math.floor(step * entries.length)];
  if (chosen === undefined) return value;
  chosen[1] = replaced(chosen[1], path, value);
  return Array.isArray(tree) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

function mutate(bytes: Buffer, mutation: Mutation): Buffer {
  const at = Math.floor(mutation.at * bytes.length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (mutation.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << mutation.bit);
      return copy;
    }
    case 'cut':
      return before;
    case 'insert':
      return Buffer.concat([before, mutation.bytes, after]);
    case 'replace':
      return Buffer.concat([before, mutation.bytes, after.subarray(mutation.bytes.length)]);
    case 'splice': {
      const other = seeds[mutation.other]?.at(-1) ?? Buffer.alloc(0);
      return Buffer.concat([before, other.subarray(Math.floor(mutation.from * other.length))]);
    }
  }
}
