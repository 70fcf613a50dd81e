import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../src/wire/decode.ts';
import { readMessage } from '../../src/wire/message.ts';
import type { Rendered } from '../../src/wire/records.ts';
import { renderBatch, renderControl, renderEvents } from '../../src/wire/records.ts';
import { bytesOf, capturedFrames, documentsOf, envelope, hex, pack, vectors } from './support.ts';

/** `FUZZ_RUNS=100000 npx vitest run test/wire/fuzz.test.ts` is the long form. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 5_000);
const maxFrameBytes = 1_000_000;

const seeds = [...vectors(), ...capturedFrames()].map(({ frames }) => bytesOf(frames));

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
const mutated = fc
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

/** All the wire layer does with a message; what it was and its records. */
function pass(parts: readonly Buffer[]): { readonly outcome: string; readonly rendered: readonly Rendered[] } {
  const message = readMessage(parts, maxFrameBytes);
  const where = envelope({ seq: message.seq, ordinal: String(message.seq ?? 'n1'), topicSuffix: message.topic.suffix });
  const decoded = message.ok ? decodePayload(message.payload) : message;
  if (!decoded.ok) {
    const { failure } = decoded;
    return { outcome: failure.reason, rendered: [renderControl(where, { type: 'Undecodable', failure })] };
  }
  const { batch } = decoded;
  const bad = batch.events.find((event) => !event.ok);
  return {
    outcome: bad === undefined ? 'ok' : `event: ${bad.failure.reason}`,
    rendered: [renderEvents(where, batch), renderBatch(where, batch)],
  };
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('mutated frames', () => {
  it(`${runs} times: no error, no hang, valid records, and nothing stays behind`, { timeout: 3_600_000 }, () => {
    const outcomes = new Map<string, number>();
    let slowest = 0;
    let done = 0;
    const before = memory();
    fc.assert(
      fc.property(mutated, (parts) => {
        const start = performance.now();
        const { outcome, rendered } = pass(parts);
        slowest = Math.max(slowest, performance.now() - start);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        done += 1;
        // Validating costs far more than reading: all of the short form, a part of the long one.
        if (done % Math.ceil(runs / 5_000) === 0) rendered.forEach(documentsOf);
      }),
      { numRuns: runs },
    );
    if (process.env['FUZZ_RUNS'])
      process.stderr.write(`${JSON.stringify({ slowest, ...Object.fromEntries(outcomes) })}\n`);
    expect(done).toBe(runs);
    // The mutations reach every way to fail, and leave some frames readable.
    const expected = [
      'ok',
      'event: bad_event',
      'event: reserved_type',
      'malformed_msgpack',
      'too_deep',
      'trailing_bytes',
      'not_a_batch',
      'bad_frames',
    ];
    expect([...outcomes.keys()]).toEqual(expect.arrayContaining(expected));
    expect(slowest).toBeLessThan(10_000);
    expect(memory() - before).toBeLessThan(512 * 1024 * 1024);
  });
});

function header(type: number, length: number): Buffer {
  const bytes = Buffer.from([type, 0, 0, 0, 0]);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** A batch with one event whose field `x` is a list of `unit`, over and over, `bytes` long. */
function filled(unit: string, bytes: number): Buffer {
  const items = Buffer.alloc(Math.floor(bytes / (unit.length / 2)) * (unit.length / 2), hex(unit));
  const length = items.length / (unit.length / 2);
  return Buffer.concat([hex('92 cb41da02ef80200000 91 82 a474797065 a158 a178'), header(0xdd, length), items]);
}

describe('length bombs', () => {
  const arrays16 = 'dcffff'.repeat(1_000);
  it.each([
    ['5 bytes that announce 33 million elements', hex('dd01ffffff')],
    ['12 of them inside one another', hex('dd01ffffff'.repeat(12))],
    ['20 of them inside one another', hex('dd01ffffff'.repeat(20))],
    ['3 KB of lists of 65 535', hex(arrays16)],
    ['30 KB of lists of 65 535', hex(arrays16.repeat(10))],
    ['1 MB of lists inside one another', Buffer.alloc(1_000_000, 0x91)],
    ['maps that announce 2 thousand million entries', hex('df7fffffff'.repeat(20))],
    ['text of 4 GB', hex('92cb000000000000000091dbffffffff')],
    ['16 MB of empty maps', filled('80', 16_000_000)],
    ['16 MB of empty lists', filled('90', 16_000_000)],
    ['16 MB of empty bytes', filled('c400', 16_000_000)],
    ['16 MB of nil', filled('c0', 16_000_000)],
    [
      '16 MB of events of one byte',
      Buffer.concat([hex('92cb0000000000000000'), header(0xdd, 16_000_000), Buffer.alloc(16_000_000)]),
    ],
  ])('are refused before they take memory: %s', (_, payload) => {
    const before = memory();
    const decoded = decodePayload(payload);
    expect(memory() - before).toBeLessThan(20_000_000);
    if (decoded.ok) throw new Error('was read');
    expect(decoded.failure.reason).toMatch(/malformed_msgpack|too_deep|too_large/);
    // Not toEqual: it compares 16 MB byte by byte, for minutes.
    expect(decoded.failure.raw).toBe(payload);
  });

  it.each([
    ['empty maps', '80', 290_000],
    ['empty lists', '90', 800_000],
    ['empty bytes', 'c400', 480_000],
    ['text that is not UTF-8', 'a1ff', 390_000],
    ['nil', 'c0', 4_100_000],
    ['floats', 'ca3f9d70a4', 1_380_000],
    ['64-bit integers', 'cfffffffffffffffff', 1_040_000],
  ])('that are just small enough take a bounded multiple: %s', (_, unit, items) => {
    const size = unit.length / 2;
    expect(decodePayload(filled(unit, items * size * 1.2))).toMatchObject({ failure: { reason: 'too_large' } });
    const before = memory();
    const decoded = decodePayload(filled(unit, items * size));
    if (!decoded.ok) throw new Error(decoded.failure.message);
    const { bytes: json } = renderEvents(envelope(), decoded.batch);
    expect(json.length).toBeLessThan(67_108_864);
    expect(memory() - before).toBeLessThan(268_435_456);
  });
});
