import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Buffers } from '../../../src/ingress/zmtp/buffers.ts';
import { ZmtpMachine } from '../../../src/ingress/zmtp/machine.ts';
import { command, frame, greeting, handshake, message, property, ready } from '../../support/zmtp-bytes.ts';

const maxMessageSize = 1_000;

function create(topics: readonly string[] = ['']): ZmtpMachine {
  return new ZmtpMachine({ topics, maxMessageSize, buffers: new Buffers() });
}

function established(topics?: readonly string[]): ZmtpMachine {
  const machine = create(topics);
  machine.push(handshake());
  expect(machine.isEstablished).toBe(true);
  machine.takeOutput();
  return machine;
}

type Messages = readonly (readonly Buffer[])[];
const texts = (messages: Messages) => messages.map((parts) => parts.map(String));
const hex = (bytes: Buffer | null) => bytes?.toString('hex');

/** All messages of a stream of bytes that comes in these pieces. */
function receive(machine: ZmtpMachine, ...chunks: readonly Buffer[]): Messages {
  const messages: (readonly Buffer[])[] = [];
  for (const chunk of chunks) {
    for (let some = machine.push(chunk); some.length > 0; some = machine.rest()) messages.push(...some);
  }
  return messages;
}

describe('the handshake', () => {
  it('begins with a greeting of ZMTP 3.1, NULL, and goes on with READY once the peer has greeted', () => {
    const machine = create();
    expect(hex(machine.takeOutput())).toBe(`ff00000000000000017f0301${'4e554c4c'.padEnd(104, '0')}`);
    expect(machine.takeOutput()).toBeNull();
    machine.push(greeting());
    expect(machine.takeOutput()).toEqual(command('READY', property('Socket-Type', 'SUB')));
    expect(machine.isEstablished).toBe(false);
  });

  it('says its mechanism and what it is only after the peer, where it is reserved', () => {
    const [buffers, whole] = [new Buffers(), `ff00000000000000017f0301${'4e554c4c'.padEnd(104, '0')}`];
    const machine = new ZmtpMachine({ topics: [''], maxMessageSize, buffers, isReserved: true });
    const said = hex(machine.takeOutput()) ?? '';
    expect(said).toBe('ff00000000000000017f0301');
    machine.push(greeting().subarray(0, 10));
    expect(machine.takeOutput()).toBeNull();
    machine.push(greeting().subarray(10, 11));
    expect(said + hex(machine.takeOutput())).toBe(whole);
    machine.push(greeting().subarray(11));
    expect(machine.takeOutput()).toBeNull();
    machine.push(ready('PUB'));
    expect(machine.isEstablished).toBe(true);
    expect(machine.takeOutput()).toEqual(
      Buffer.concat([command('READY', property('Socket-Type', 'SUB')), command('SUBSCRIBE', '')]),
    );
  });

  it.each([
    ['a command', 1, (topic: string) => command('SUBSCRIBE', topic)],
    ['a message', 0, (topic: string) => message(`\x01${topic}`)],
    ['a command', 2, (topic: string) => command('SUBSCRIBE', topic)],
  ])('subscribes by %s where the peer speaks ZMTP 3.%i', (_, minor, subscription) => {
    const machine = create(['kv@', 'x'.repeat(300)]);
    machine.push(greeting({ minor }));
    machine.takeOutput();
    machine.push(ready('XPUB'));
    expect(machine.isEstablished).toBe(true);
    expect(machine.takeOutput()).toEqual(Buffer.concat([subscription('kv@'), subscription('x'.repeat(300))]));
    expect(machine.hasHeartbeats).toBe(minor > 0);
  });

  it('takes properties in any order and case', () => {
    const machine = create();
    const metadata = [property('Identity', ''), property('SOCKET-type', 'PUB'), property('X-Other', 'x')];
    machine.push(Buffer.concat([greeting(), command('READY', Buffer.concat(metadata))]));
    expect(machine.failure).toBeNull();
    expect(machine.isEstablished).toBe(true);
  });

  it.each([
    ['not_zmtp', 'HTTP', Buffer.from('GET / HTTP/1.1\r\n'), /begins with "G/],
    ['not_zmtp', 'one byte of another protocol', Buffer.from('G'), /begins with "G"/],
    ['not_zmtp', 'ZMTP 1', Buffer.from([1, 0]), /ZMTP/],
    ['not_zmtp', 'a broken signature', Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7e]), /ZMTP/],
    ['old_version', 'ZMTP 2, as soon as it says so', greeting().fill(1, 10, 11).subarray(0, 11), /ZMTP 2; ZMTP 3/],
    ['mechanism', 'CURVE', greeting({ mechanism: 'CURVE' }), /mechanism CURVE/],
    ['not_a_publisher', 'a PUSH socket', Buffer.concat([greeting(), ready('PUSH')]), /is PUSH, not PUB/],
    ['not_a_publisher', 'no type', Buffer.concat([greeting(), command('READY')]), /no type/],
    ['refused', 'ERROR', Buffer.concat([greeting(), command('ERROR', '\x03400')]), /ERROR "400"/],
    ['bad_handshake', 'another command', Buffer.concat([greeting(), command('HELLO')]), /HELLO instead of READY/],
    ['bad_handshake', 'a message', Buffer.concat([greeting(), message('kv')]), /before READY/],
    ['bad_handshake', 'metadata cut in a name', Buffer.concat([greeting(), command('READY', '\x0bSock')]), /metadata/],
    [
      'bad_handshake',
      'metadata cut in a value',
      Buffer.concat([greeting(), command('READY', '\x01a\0\0\0\x09b')]),
      /metadata/,
    ],
    ['bad_command', 'a command without a name', Buffer.concat([greeting(), frame(4, '')]), /no name/],
    ['bad_command', 'a name longer than its command', Buffer.concat([greeting(), frame(4, '\x09READY')]), /no name/],
    ['too_large', 'a READY of 5000 bytes', Buffer.concat([greeting(), command('READY', Buffer.alloc(5_000))]), /5006/],
  ])('refuses with %s: %s', (code, _, bytes, sentence) => {
    for (const pieces of [[bytes], [...bytes].map((byte) => Buffer.from([byte]))]) {
      const machine = create();
      expect(receive(machine, ...pieces)).toEqual([]);
      expect(machine.failure).toMatchObject({ name: 'ZmtpError', code });
      expect(machine.failure?.message).toMatch(sentence);
      expect(machine.isEstablished).toBe(false);
    }
  });
});

describe('messages', () => {
  it('are views where they lie within one chunk', () => {
    const machine = established();
    const chunk = Buffer.concat([message('kv', '12345678', Buffer.alloc(300, 7)), message('')]);
    const messages = machine.push(chunk);
    expect(messages).toEqual([[Buffer.from('kv'), Buffer.from('12345678'), Buffer.alloc(300, 7)], [Buffer.alloc(0)]]);
    for (const part of messages[0] ?? []) expect(part.buffer).toBe(chunk.buffer);
  });

  it('come with the chunk that ends the handshake, too', () => {
    const machine = create();
    expect(texts(machine.push(Buffer.concat([handshake(), message('a', 'b')])))).toEqual([['a', 'b']]);
  });

  it('may have long headers for short frames', () => {
    expect(texts(established().push(Buffer.concat([frame(3, 'a'), frame(2, 'b')])))).toEqual([['a', 'b']]);
  });

  it('that span chunks do not change when later ones come', () => {
    const machine = established();
    const bytes = Buffer.concat([message('first'), message('second')]);
    const [first] = receive(machine, bytes.subarray(0, 3), bytes.subarray(3, 9));
    receive(machine, bytes.subarray(9));
    expect(texts([first ?? []])).toEqual([['first']]);
  });

  it('that are many come 512 at a time', () => {
    const machine = established();
    const counts = [machine.push(Buffer.concat(Array.from({ length: 1_200 }, () => message(''))))];
    for (let i = 0; i < 4; i += 1) counts.push(machine.rest());
    expect(counts.map((messages) => messages.length)).toEqual([512, 512, 176, 0, 0]);
  });

  it.each([
    ['bad_frame', 'a reserved flag', frame(8, 'x')],
    ['bad_frame', 'a command with more to come', frame(5, '\x04PING')],
    ['too_large', 'a frame above the limit', frame(0, Buffer.alloc(maxMessageSize + 1))],
    ['too_large', 'frames that together are above it', message(Buffer.alloc(600), Buffer.alloc(401))],
    ['too_large', 'a frame of 2^63 bytes', Buffer.from('028000000000000000', 'hex')],
    ['too_large', 'a frame of 2^53 + 1 bytes', Buffer.from('020020000000000001', 'hex')],
    ['too_large', 'a command of 2^40 bytes', Buffer.from('060000010000000000', 'hex')],
    ['too_many_frames', 'a message of 65 frames', message(...Array.from({ length: 65 }, () => 'x'))],
    ['bad_command', 'a PING without a time to live', command('PING', 'x')],
    ['refused', 'an ERROR', command('ERROR', '\x02no')],
  ])('end with %s: %s; the ones before are kept', (code, _, bytes) => {
    const machine = established();
    expect(texts(machine.push(Buffer.concat([message('a'), message('b'), bytes, message('c')])))).toEqual([
      ['a'],
      ['b'],
    ]);
    expect(machine.failure?.code).toBe(code);
    expect(machine.push(message('d'))).toEqual([]);
    expect(machine.rest()).toEqual([]);
  });

  it('may be as large as the limit, and have 64 frames', () => {
    const largest = message(Buffer.alloc(maxMessageSize - 1), 'x');
    const most = message(...Array.from({ length: 64 }, () => 'x'));
    const machine = established();
    expect(receive(machine, largest, most).map((parts) => parts.length)).toEqual([2, 64]);
    expect(machine.failure).toBeNull();
  });
});

describe('commands', () => {
  it('PING is answered by PONG with its context, of which 16 bytes count', () => {
    const machine = established();
    machine.push(Buffer.concat([command('PING', '\0\x64context'), command('PING', `\0\0${'x'.repeat(20)}`)]));
    const answers = [command('PONG', 'context'), command('PONG', 'x'.repeat(16))];
    expect(machine.takeOutput()).toEqual(Buffer.concat(answers));
  });

  it('PONG is counted', () => {
    const machine = established();
    machine.ping();
    expect(machine.takeOutput()).toEqual(command('PING', '\0\0'));
    machine.push(command('PONG'));
    expect(machine.pongs).toBe(1);
    expect(machine.takeOutput()).toBeNull();
  });

  it('may stand between the frames of a message, as libzmq sends them; unknown ones are passed over', () => {
    const machine = established();
    const bytes = Buffer.concat([frame(1, 'a'), command('PONG'), command('X-OTHER', 'x'), frame(0, 'b')]);
    expect(texts(machine.push(bytes))).toEqual([['a', 'b']]);
    expect(machine.pongs).toBe(1);
  });
});

describe('recorded publishers', () => {
  const path = new URL('../../fixtures/zmtp/publishers.json', import.meta.url);
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as Record<string, { publisher: string; subscriber: string }>;

  it.each(Object.entries(recorded))(
    '%s gets the bytes that libzmq sends it, and gives its messages',
    (_, connection) => {
      const machine = create();
      const messages = receive(machine, Buffer.from(connection.publisher, 'hex'));
      expect(hex(machine.takeOutput())).toBe(connection.subscriber);
      const topic = Buffer.from('kv@10.0.0.5@m');
      expect(messages).toEqual([
        [topic, Buffer.from('0000000000000001', 'hex'), Buffer.from('93010203', 'hex')],
        [topic, Buffer.from('0000000000000002', 'hex'), Buffer.alloc(300)],
      ]);
    },
  );
});

describe('memory', () => {
  it('is not kept of a message that was given', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const machine = new ZmtpMachine({ topics: [''], maxMessageSize: 100_000_000, buffers: new Buffers() });
    machine.push(handshake());
    const memory = () => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    /** The large frame first, in as many pieces as a socket brings it in; how many messages came of it. */
    const feed = () => {
      const bytes = message(Buffer.alloc(40_000_000), Buffer.alloc(1));
      let given = 0;
      for (let at = 0; at < bytes.length; at += 60_000)
        given += machine.push(Buffer.from(bytes.subarray(at, at + 60_000))).length;
      machine.release();
      return given;
    };
    const before = memory();
    expect(feed()).toBe(1);
    // V8 sweeps buffers on another thread: what a collection has found free is counted down some time after it.
    await expect.poll(() => memory() - before, { timeout: 10_000 }).toBeLessThan(10_000_000);
  });
});
