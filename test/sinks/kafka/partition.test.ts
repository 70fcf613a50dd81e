import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { murmur2, partitionOf } from '../../../src/sinks/kafka/partition.ts';

describe('the partition of a stream', () => {
  // Expected values of Apache Kafka's own test (UtilsTest.testMurmur2).
  it.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('hashes %s as Java does', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it('agrees with the partitioner of kafkajs for keys of every length and byte', () => {
    const partitioner = kafkajs.Partitioners.DefaultPartitioner();
    for (let length = 0; length < 300; length += 1) {
      const key = Buffer.from(Array.from({ length }, (_, at) => (length * 31 + at * 97) & 0xff));
      for (const count of [1, 2, 7, 100]) {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionId,
          leader: 1,
          isr: [1],
          partitionErrorCode: 0,
          replicas: [1],
        }));
        const theirs = partitioner({ topic: 't', partitionMetadata, message: { key, value: '' } });
        // Without a key kafkajs deals out partitions in turn.
        if (length > 0) expect(partitionOf(key, count)).toBe(theirs);
      }
    }
  });
});
