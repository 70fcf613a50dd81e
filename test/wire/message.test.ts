import { describe, expect, it } from 'vitest';
import { maxRawBytes, maxTopicBytes, readMessage } from '../../src/wire/message.ts';
import { hex } from './support.ts';

const topic = Buffer.from('kv@p@m');
const seq = hex('000000000000002a');
const payload = hex('92cb000000000000000090');

describe('a message', () => {
  it('has topic, number and payload', () => {
    const message = readMessage([topic, seq, payload], 1_000);
    expect(message).toMatchObject({ ok: true, seq: 42n, payload, topic: { pod: 'p' } });
  });

  it('keeps numbers up to 2^64-1 exact', () => {
    expect(readMessage([topic, hex('ffffffffffffffff'), payload], 1_000).seq).toBe(2n ** 64n - 1n);
  });

  it('of two frames has no number, of one no topic either', () => {
    expect(readMessage([topic, payload], 1_000)).toMatchObject({ ok: true, seq: null, payload, topic: { pod: 'p' } });
    expect(readMessage([payload], 1_000)).toMatchObject({ ok: true, seq: null, payload, topic: { text: '' } });
  });

  it('of more frames is unreadable, with all of them and their sizes', () => {
    const message = readMessage([topic, seq, payload, hex('00')], 1_000);
    expect(message).toMatchObject({
      ok: false,
      seq: null,
      topic: { text: 'kv@p@m' },
      failure: {
        reason: 'bad_frames',
        frameSizes: [6, 8, 11, 1],
        raw: Buffer.concat([topic, seq, payload, hex('00')]),
      },
    });
  });

  it('of none at all is unreadable', () => {
    expect(readMessage([], 1_000)).toMatchObject({ ok: false, failure: { reason: 'bad_frames', rawBytes: 0 } });
  });

  it('with far too much in its frames is not copied as a whole', () => {
    const message = readMessage(Array<Buffer>(1_000).fill(Buffer.alloc(1_000)), 10);
    if (message.ok) throw new Error('was read');
    expect(message.failure.raw).toHaveLength(maxRawBytes);
    expect(message.failure.rawBytes).toBe(1_000_000);
    expect(message.failure.frameSizes).toHaveLength(64);
  });

  it('with a number of other than 8 bytes is unreadable, number unknown', () => {
    for (const bad of ['', '2a', '0000000000002a', '00000000000000002a']) {
      const message = readMessage([topic, hex(bad), payload], 1_000);
      expect(message).toMatchObject({ ok: false, seq: null, failure: { reason: 'bad_sequence_frame', raw: payload } });
    }
  });

  it('larger than maxFrameBytes is unreadable but keeps its number', () => {
    expect(readMessage([topic, seq, payload], 25)).toMatchObject({ ok: true });
    expect(readMessage([topic, seq, payload], 24)).toMatchObject({
      ok: false,
      seq: 42n,
      failure: { reason: 'too_large', raw: payload },
    });
  });

  it('with a topic that would swell every record is unreadable', () => {
    const long = Buffer.alloc(maxTopicBytes + 1, 't');
    expect(readMessage([long.subarray(1), seq, payload], 10_000)).toMatchObject({ ok: true });
    const message = readMessage([long, seq, payload], 10_000);
    expect(message).toMatchObject({ ok: false, seq: null, failure: { reason: 'bad_frames' } });
    expect(message.topic.text).toHaveLength(maxTopicBytes);
  });
});
