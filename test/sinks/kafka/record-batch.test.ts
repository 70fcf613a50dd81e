import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReusedMemory } from '../../../src/core/reused-memory.ts';
import type { Sendable } from '../../../src/sinks/kafka/entries.ts';
import { nthValue, single } from '../../../src/sinks/kafka/entries.ts';
import { anonymous, encodeRecordBatch, headerBytes } from '../../../src/sinks/kafka/record-batch.ts';

const load = createRequire(import.meta.url);
const Decoder = load('kafkajs/src/protocol/decoder');
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder');
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0');
const Record = load('kafkajs/src/protocol/recordBatch/record/v0');

const plain = { ...anonymous, isTransactional: false, codec: 0, compress: null, memory: new ReusedMemory(1) };
const start = 1_763_800_000_000;

function recordOf(key: string, value: string, receivedAt = start): Sendable {
  return single(Buffer.from(key), Buffer.from(value), { receivedAt });
}

/** Some of the values that stand together, as a batch of records has them. */
const entry = fc
  .record({
    key: fc.uint8Array({ maxLength: 200 }),
    values: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 }),
    from: fc.nat(5),
    receivedAt: fc.integer({ min: start - 100_000, max: start + 100_000 }),
  })
  .map(({ key, values, from, receivedAt }): Sendable => {
    let at = 0;
    const ends = values.map(({ length }) => (at += length + 1));
    const bytes = Buffer.concat(values.flatMap((value) => [value, Buffer.from('\n')]));
    const first = Math.min(from, values.length - 1);
    const count = values.length - first;
    return { key: Buffer.from(key), values: { bytes, ends }, first, count, batch: { receivedAt } };
  });
const producer = fc.record({
  producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  producerEpoch: fc.nat(32_767),
  baseSequence: fc.nat(2 ** 31 - 1),
  isTransactional: fc.boolean(),
});

/** The same by kafkajs's encoder. */
async function byKafkajs(entries: readonly Sendable[], options: typeof plain): Promise<Buffer> {
  const times = entries.map(({ batch }) => batch.receivedAt);
  const first = times[0] ?? 0;
  const records = entries.flatMap((one) =>
    Array.from({ length: one.count }, (_, index) => ({
      ...{ key: one.key, value: nthValue(one, index), timestampDelta: one.batch.receivedAt - first, headers: {} },
    })),
  );
  const encoded = await RecordBatch({
    compression: 0,
    firstTimestamp: first,
    maxTimestamp: Math.max(...times),
    producerId: String(options.producerId),
    producerEpoch: options.producerEpoch,
    firstSequence: options.baseSequence,
    transactional: options.isTransactional,
    lastOffsetDelta: records.length - 1,
    records: records.map((one, offsetDelta) => Record({ ...one, offsetDelta })),
  });
  return encoded.buffer;
}

describe('a record batch', () => {
  it('is byte for byte what kafkajs encodes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), producer, async (entries, who) => {
        const options = { ...plain, ...who };
        const ours = await encodeRecordBatch(entries, options);
        const theirs = await byKafkajs(entries, options);
        // kafkajs leaves the leader's epoch 0; Java's producer says -1 as well. It is not part of the checksum.
        theirs.writeInt32BE(-1, 12);
        expect(ours.toString('hex')).toBe(theirs.toString('hex'));
        plain.memory.give(ours);
      }),
      { numRuns: 300 },
    );
  });

  it.each([0, 1, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576])('keeps a value of %i bytes', async (length) => {
    const value = 'x'.repeat(length);
    const bytes = await encodeRecordBatch([recordOf('k', value), recordOf('k', 'next')], plain);
    const { records } = await decodeBatch(new Decoder(bytes));
    expect(records.map((one: { value: Buffer }) => one.value.toString())).toEqual([value, 'next']);
  });

  it('has the oldest record first in time, also where the clock went back', async () => {
    const times = [start, start - 5_000, start + 70_000];
    const bytes = await encodeRecordBatch(
      times.map((time) => recordOf('k', 'v', time)),
      plain,
    );
    const { records, maxTimestamp } = await decodeBatch(new Decoder(bytes));
    expect(records.map((one: { timestamp: string }) => Number(one.timestamp))).toEqual(times);
    expect(Number(maxTimestamp)).toBe(start + 70_000);
  });

  it('says how its records are compressed, and has its checksum over what is sent', async () => {
    const compress = async (bytes: Buffer) => Buffer.from(`${bytes.length} bytes`);
    const records = [recordOf('k', 'v'.repeat(1_000))];
    const whole = await encodeRecordBatch(records, plain);
    const bytes = await encodeRecordBatch(records, { ...plain, codec: 3, compress });
    expect(bytes.subarray(headerBytes).toString()).toBe(`${whole.length - headerBytes} bytes`);
    expect(bytes.readInt16BE(21) & 7).toBe(3);
    expect(bytes.readInt32BE(8)).toBe(bytes.length - 12);
    const { crc32c } = load('@node-rs/crc32');
    expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes.subarray(21)));
  });
});
