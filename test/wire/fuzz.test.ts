import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload } from '../../src/wire/decode.ts';
import { readMessage } from '../../src/wire/message.ts';
import type { Rendered } from '../../src/wire/records.ts';
import { renderBatch, renderControl, renderEvents } from '../../src/wire/records.ts';
import { mutated } from './mutations.ts';
import { documentsOf, envelope, hex } from './support.ts';

/** `FUZZ_RUNS=100000 npx vitest run test/wire/fuzz.test.ts` is the long form. */
const runs = Number(process.env['FUZZ_RUNS'] ?? 5_000);
const maxFrameBytes = 1_000_000;

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
