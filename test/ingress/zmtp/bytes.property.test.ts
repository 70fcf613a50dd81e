import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Buffers } from '../../../src/ingress/zmtp/buffers.ts';
import { ZmtpMachine } from '../../../src/ingress/zmtp/machine.ts';
import { command, frame, handshake, message } from '../../support/zmtp-bytes.ts';

const maxMessageSize = 100_000;
const part = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 70_000 }).map((length) => Buffer.alloc(length, length)),
);
const anyMessage = fc.array(part, { minLength: 1, maxLength: 4 }).filter((parts) => sizeOf(parts) <= maxMessageSize);

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** Whoever reads what it has given back finds nonsense. */
class Scribbled extends Buffers {
  override give(buffer: Buffer): void {
    buffer.fill(0xdd);
    super.give(buffer);
  }
}

/** What `toEqual` can compare in no time. */
function digest(messages: readonly (readonly Buffer[])[]): string[] {
  const hash = (part: Buffer) => createHash('sha1').update(part).digest('hex');
  return messages.map((parts) => parts.map(hash).join(' '));
}

function receive(chunks: readonly Buffer[]) {
  const buffers = new Scribbled();
  const machine = new ZmtpMachine({ topics: ['kv@'], maxMessageSize, buffers });
  const messages: (readonly Buffer[])[] = [];
  const sent: Buffer[] = [];
  const copy = (parts: readonly Buffer[]) => parts.map((part) => Buffer.from(part));
  for (const bytes of chunks) {
    const chunk = Buffer.from(bytes);
    for (let some = machine.push(chunk); some.length > 0; some = machine.rest()) messages.push(...some.map(copy));
    sent.push(machine.takeOutput() ?? Buffer.alloc(0));
    // As a connection does, which reads into the same memory again.
    machine.release();
    chunk.fill(0xee);
  }
  return { machine, messages, sent: Buffer.concat(sent) };
}

/** Cuts at these places, given as parts of the whole. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b);
  return [...cuts, bytes.length].map((cut, index) => bytes.subarray(cuts[index - 1] ?? 0, cut));
}

describe('a stream of bytes', () => {
  const stream = Buffer.concat([
    handshake(),
    message('kv@1', '12345678', Buffer.alloc(300, 1)),
    command('PING', '\0\0abc'),
    message(''),
    Buffer.concat([frame(1, 'a'), command('PONG'), frame(3, 'b'), frame(2, Buffer.alloc(0))]),
  ]);

  it('means the same wherever it is cut in two', () => {
    const whole = receive([stream]);
    expect(whole.messages.map((parts) => parts.length)).toEqual([3, 1, 3]);
    for (let at = 0; at <= stream.length; at += 1) {
      const cut = receive([stream.subarray(0, at), stream.subarray(at)]);
      expect(cut.messages).toEqual(whole.messages);
      expect(cut.sent).toEqual(whole.sent);
      expect(cut.machine.pongs).toBe(1);
    }
  });

  it('means the same byte by byte', () => {
    const bytes = [...stream].map((byte) => Buffer.from([byte]));
    expect(receive(bytes).messages).toEqual(receive([stream]).messages);
  });

  it('gives the messages that were sent, however it is cut', () => {
    const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 6 }), places, (messages, cuts) => {
        const bytes = Buffer.concat([handshake(), ...messages.map((parts) => message(...parts))]);
        const { machine, messages: received } = receive(cutAt(bytes, cuts));
        expect(machine.failure).toBeNull();
        expect(digest(received)).toEqual(digest(messages));
      }),
    );
  });
});

describe('hostile bytes', () => {
  const anyBytes = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  const anyChunks = fc.array(anyBytes, { maxLength: 8 });

  it('never make it throw, and it answers with little', () => {
    fc.assert(
      fc.property(fc.boolean(), anyChunks, (greets, chunks) => {
        const { sent } = receive(greets ? [handshake(), ...chunks] : chunks);
        expect(sent.length).toBeLessThanOrEqual(200 + chunks.reduce((sum, { length }) => sum + length, 0));
      }),
      { numRuns: 2_000 },
    );
  });

  it('that were good but for one byte give no message larger than the limit, and throw nothing', () => {
    const good = Buffer.concat([handshake(), message('kv@1', '12345678', Buffer.alloc(300)), command('PING', '\0\0')]);
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        const { machine, messages } = receive([bytes, bytes]);
        for (const parts of messages) expect(sizeOf(parts)).toBeLessThanOrEqual(maxMessageSize);
        if (machine.failure !== null) expect(machine.failure.name).toBe('ZmtpError');
      }),
      { numRuns: 2_000 },
    );
  });

  it('that announce much make it reserve little', () => {
    const machine = new ZmtpMachine({ topics: [''], maxMessageSize: 2 ** 31, buffers: new Buffers() });
    machine.push(handshake());
    const before = process.memoryUsage().arrayBuffers;
    machine.push(Buffer.from('02000000007fffffff00', 'hex'));
    expect(machine.failure).toBeNull();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});
