import type { RecordMetadata } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { SinkError } from '../../../src/core/errors.ts';
import type { Part } from '../../../src/sinks/kafka/chunks.ts';
import { chunksOf } from '../../../src/sinks/kafka/chunks.ts';
import type { ClientFactory } from '../../../src/sinks/kafka/client.ts';
import { Courier } from '../../../src/sinks/kafka/courier.ts';
import type { Entry } from '../../../src/sinks/kafka/entries.ts';
import { nthValue, single } from '../../../src/sinks/kafka/entries.ts';
import { Sockets } from '../../../src/sinks/kafka/sockets.ts';
import { eventBatch, testStream } from '../../support/batches.ts';

type Answer = (sent: readonly Part[], producer: number) => RecordMetadata[] | Promise<RecordMetadata[]>;

/**
 * What kafkajs answers in clusters that one broker cannot be: partitions left out, old offsets confirmed. Returns the
 * courier on it and what each producer was given, as `producer: partition/index ...` per send.
 */
function courierOn(answer: Answer, patience = 1_000) {
  const log: string[] = [];
  let producers = 0;
  const producer = () => {
    producers += 1;
    const mine = producers;
    return {
      connect: async () => {},
      disconnect: async () => {},
      send: async (parts: readonly Part[]) => {
        const sent = parts.flatMap(({ partition, entries }) =>
          entries.map((entry) => `${partition}/${nthValue(entry, 0)}`),
        );
        log.push(`${mine}: ${sent.join(' ')}`);
        return answer(parts, mine);
      },
    };
  };
  const make = async () => ({ producer, sockets: new Sockets() });
  const factory = { make, forgetCredentials: () => {} } as unknown as ClientFactory;
  const options = { idempotent: true, compression: 0, patience, requestTimeout: patience };
  const bury = async (entry: Entry): Promise<Entry> => ({
    ...entry,
    topic: 'dead',
    partition: 0,
    deadLetter: 'too_large',
  });
  return { courier: new Courier(factory, options, bury), log };
}

const batch = eventBatch(testStream(), 0);

function chunkOf(...partitions: number[]) {
  const entries = partitions.map((partition, index): Entry => {
    const one = single(Buffer.from('k'), Buffer.from(String(index)), batch);
    return { ...one, batch, from: index, topic: 't', partition, deadLetter: null, alone: false };
  });
  const [chunk] = chunksOf(entries, 100, () => 1_000_000);
  if (chunk === undefined) throw new Error('no entries');
  return chunk;
}

const offset = (partition: number, baseOffset: number, topicName = 't'): RecordMetadata => ({
  topicName,
  partition,
  errorCode: 0,
  baseOffset: String(baseOffset),
});

const protocolError = (type: string, code: number) => Object.assign(new Error(type), { type, code });

describe('delivering a chunk', () => {
  it('sends again what the answer leaves out, and only that', async () => {
    let calls = 0;
    const { courier, log } = courierOn(() => {
      calls += 1;
      return calls === 1 ? [offset(0, 0)] : [offset(1, 0)];
    });
    await courier.deliver(chunkOf(0, 1, 0));
    expect(log).toEqual(['1: 0/0 0/2 1/1', '1: 1/1']);
  });

  it('asks for a new plan when a partition is never confirmed', async () => {
    const { courier, log } = courierOn(() => []);
    await expect(courier.deliver(chunkOf(7))).rejects.toMatchObject({ kind: 'transient', code: 'PARTITION_GONE' });
    expect(courier.pending).toBeNull();
    expect(new Set(log)).toEqual(new Set(['1: 7/0']));
  });

  it('does not believe an offset that does not grow: a new producer sends the records again', async () => {
    const { courier, log } = courierOn((_, producer) => [offset(0, producer === 1 ? 5 : 7)]);
    await courier.deliver(chunkOf(0, 0));
    await courier.deliver(chunkOf(0, 0));
    expect(log).toEqual(['1: 0/0 0/1', '1: 0/0 0/1', '2: 0/0 0/1']);
  });

  it('takes a new producer when the old one is spent, and gives up for now when that is spent, too', async () => {
    const { courier, log } = courierOn(() => Promise.reject(protocolError('OUT_OF_ORDER_SEQUENCE_NUMBER', 45)));
    await expect(courier.deliver(chunkOf(0))).rejects.toMatchObject({ kind: 'transient' });
    expect(log).toEqual(['1: 0/0', '2: 0/0']);
  });

  it('after a failure repeats part by part with the same producer, so that numbers are never used for other records', async () => {
    let calls = 0;
    const { courier, log } = courierOn((sent) => {
      calls += 1;
      if (calls === 1) throw protocolError('REQUEST_TIMED_OUT', 7);
      return [offset(sent[0]?.partition ?? -1, 0)];
    });
    const chunk = chunkOf(0, 1, 1);
    await expect(courier.deliver(chunk)).rejects.toBeInstanceOf(SinkError);
    expect(courier.pending).toBe(chunk);
    await courier.deliver(chunk);
    expect(log).toEqual(['1: 0/0 1/1 1/2', '1: 0/0', '1: 1/1 1/2']);
  });

  it('takes a new producer when other records come instead of those that failed', async () => {
    let calls = 0;
    const { courier, log } = courierOn(() => {
      calls += 1;
      if (calls === 1) throw protocolError('REQUEST_TIMED_OUT', 7);
      return [offset(3, 0)];
    });
    await courier.deliver(chunkOf(0)).catch(() => {});
    courier.forget();
    await courier.deliver(chunkOf(3));
    expect(log).toEqual(['1: 0/0', '2: 3/0']);
  });

  it('waits again for a send that is still under way instead of repeating it', async () => {
    let answer: (metadata: RecordMetadata[]) => void = () => {};
    const { courier, log } = courierOn(() => new Promise((resolve) => (answer = resolve)), 50);
    const chunk = chunkOf(0);
    await expect(courier.deliver(chunk)).rejects.toMatchObject({ kind: 'transient', code: 'TIMEOUT' });
    await expect(courier.deliver(chunk)).rejects.toMatchObject({ code: 'TIMEOUT' });
    answer([offset(0, 0)]);
    await courier.deliver(chunk);
    expect(log).toEqual(['1: 0/0']);
  });

  it('drops a producer whose send never ends', async () => {
    const { courier, log } = courierOn((_, producer) => (producer === 1 ? new Promise(() => {}) : [offset(0, 0)]), 20);
    const chunk = chunkOf(0);
    await expect
      .poll(
        () =>
          courier.deliver(chunk).then(
            () => 'delivered',
            (error: SinkError) => error.code,
          ),
        { interval: 1 },
      )
      .toBe('delivered');
    expect(log).toEqual(['1: 0/0', '2: 0/0']);
  });
});
