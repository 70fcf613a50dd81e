import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Buffers } from '../../../src/ingress/zmtp/buffers.ts';
import { ZmtpMachine } from '../../../src/ingress/zmtp/machine.ts';
import { command, frame, greeting, message, property, ready } from '../../support/zmtp-bytes.ts';

const security = { mechanism: 'PLAIN', username: 'bridge', password: 's3cret' } as const;
const path = new URL('../../fixtures/zmtp/plain.json', import.meta.url);
const recorded = JSON.parse(readFileSync(path, 'utf8')) as Record<string, { publisher: string; subscriber: string }>;

function create(isBound: boolean): ZmtpMachine {
  return new ZmtpMachine({ topics: [''], maxMessageSize: 1_000, buffers: new Buffers(), security, isBound });
}

/** What comes of these pieces: messages, and all that is sent. */
function play(machine: ZmtpMachine, chunks: readonly Buffer[]) {
  const messages: (readonly Buffer[])[] = [];
  const sent = [machine.takeOutput() ?? Buffer.alloc(0)];
  for (const chunk of chunks) {
    for (let some = machine.push(chunk); some.length > 0; some = machine.rest())
      messages.push(...some.map((parts) => parts.map((part) => Buffer.from(part))));
    sent.push(machine.takeOutput() ?? Buffer.alloc(0));
    machine.release();
  }
  return { messages, sent: Buffer.concat(sent) };
}

const sized = (text: string | Buffer) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
const hello = (username: string, password: string) =>
  command('HELLO', Buffer.concat([sized(username), sized(password)]));
const plainGreeting = greeting({ mechanism: 'PLAIN' });
const initiate = (type = 'PUB') => command('INITIATE', property('Socket-Type', type));
const asServer = () => greeting({ mechanism: 'PLAIN' }).fill(1, 32, 33);

describe.each([
  ['engine binds', false],
  ['engine dials', true],
])('a recorded libzmq: %s', (name, isBound) => {
  const { publisher = '', subscriber = '' } = recorded[name] ?? {};
  const [theirs, ours] = [Buffer.from(publisher, 'hex'), Buffer.from(subscriber, 'hex')];
  // libzmq greets as a client where it is a server; RFC 37 has a server say so.
  const expected = Buffer.from(ours).fill(isBound ? 1 : 0, 32, 33);
  expected[8] = 1;

  it('gets the bytes that libzmq would send, and gives its messages, wherever they are cut in two', () => {
    for (let at = 0; at <= theirs.length; at += 1) {
      const machine = create(isBound);
      const { messages, sent } = play(machine, [theirs.subarray(0, at), theirs.subarray(at)]);
      expect(machine.failure).toBeNull();
      expect(messages.map((parts) => parts[1]?.toString('hex'))).toEqual(['0000000000000001', '0000000000000002']);
      expect(sent.toString('hex')).toBe(expected.toString('hex'));
    }
  });

  it('and byte by byte', () => {
    const { messages, sent } = play(
      create(isBound),
      [...theirs].map((byte) => Buffer.from([byte])),
    );
    expect(messages).toHaveLength(2);
    expect(sent.toString('hex')).toBe(expected.toString('hex'));
  });

  it('with another password is told of as such, wherever it is cut', () => {
    const refused = Buffer.from(recorded[`${name}, wrong password`]?.publisher ?? '', 'hex');
    for (let at = 0; at <= refused.length; at += 1) {
      const machine = create(isBound);
      const { sent } = play(machine, [refused.subarray(0, at), refused.subarray(at)]);
      expect(machine.failure?.code).toBe(isBound ? 'credentials' : 'refused');
      expect(machine.failure?.message).toMatch(/user name or password/);
      expect(machine.isEstablished).toBe(false);
      // Nothing after the greeting: an ERROR would be the end for ever.
      if (isBound) expect(sent).toHaveLength(64);
    }
  });
});

describe('credentials', () => {
  it.each([
    ['', ''],
    ['bridge', ''],
    ['bridge', 's3cre'],
    ['bridge', 's3crett'],
    ['bridge', 'S3cret'],
    ['Bridge', 's3cret'],
    ['s3cret', 'bridge'],
    ['bridge\0', 's3cret'],
    ['bridges', '3cret'],
  ])('%j and %j are not let in', (username, password) => {
    const machine = create(true);
    play(machine, [plainGreeting, hello(username, password), initiate()]);
    expect(machine.failure?.code).toBe('credentials');
  });

  it('may have 255 bytes of UTF-8 each', () => {
    const long = { mechanism: 'PLAIN', username: 'é'.repeat(127), password: 'p'.repeat(255) } as const;
    const options = { topics: [''], maxMessageSize: 1_000, buffers: new Buffers(), security: long };
    const client = new ZmtpMachine(options);
    const server = new ZmtpMachine({ ...options, isBound: true });
    client.push(plainGreeting);
    const said = client.takeOutput() ?? Buffer.alloc(0);
    expect(said.subarray(64)).toEqual(hello(long.username, long.password));
    server.push(said);
    server.push(initiate());
    expect(server.failure).toBeNull();
    expect(server.isEstablished).toBe(true);
  });
});

describe('a connection is refused', () => {
  it.each([
    ['mechanism', 'NULL', [greeting()], /no security \(mechanism NULL\); this source has PLAIN/],
    [
      'mechanism',
      'CURVE',
      [greeting({ mechanism: 'CURVE' })],
      /wants the security mechanism CURVE; this source has PLAIN/,
    ],
    ['mechanism', 'a client as well', [plainGreeting, hello('a', 'b')], /both sides are PLAIN clients/],
    ['refused', 'ERROR', [plainGreeting, command('ERROR', '\x03400')], /ERROR "400".*refuses user name or password/],
    ['refused', 'ERROR later', [plainGreeting, command('WELCOME'), command('ERROR', '\x02no')], /ERROR "no"/],
    [
      'refused',
      'ERROR that repeats the password',
      [plainGreeting, command('ERROR', '\x18not s3cret, nor S3s3cret')],
      /ERROR "not \*{6}, nor S3\*{6}": it refuses/,
    ],
    ['bad_handshake', 'READY too early', [plainGreeting, ready()], /READY instead of WELCOME/],
    ['bad_handshake', 'WELCOME twice', [plainGreeting, command('WELCOME'), command('WELCOME')], /instead of READY/],
    ['bad_handshake', 'a message', [plainGreeting, command('WELCOME'), message('kv')], /before READY/],
    ['not_a_publisher', 'a PUSH', [plainGreeting, command('WELCOME'), ready('PUSH')], /is PUSH/],
  ] as const)('%s: dialling meets %s', (code, _, chunks, sentence) => {
    const machine = create(false);
    play(machine, chunks);
    expect(machine.failure?.code).toBe(code);
    expect(machine.failure?.message).toMatch(sentence);
    expect(machine.failure?.message).not.toContain('s3cret');
  });

  it.each([
    ['mechanism', 'NULL', [greeting()], /no security/],
    ['mechanism', 'a server as well', [asServer()], /both sides are PLAIN servers/],
    ['bad_handshake', 'READY', [plainGreeting, ready()], /READY instead of HELLO/],
    ['bad_handshake', 'INITIATE first', [plainGreeting, initiate()], /INITIATE instead of HELLO/],
    ['bad_handshake', 'HELLO twice', [plainGreeting, hello('bridge', 's3cret'), hello('bridge', 's3cret')], /INITIATE/],
    ['bad_handshake', 'HELLO without anything', [plainGreeting, command('HELLO')], /not one user name/],
    ['bad_handshake', 'HELLO cut', [plainGreeting, command('HELLO', '\x06bridge\x07s3cret')], /not one user name/],
    [
      'bad_handshake',
      'HELLO with more',
      [plainGreeting, command('HELLO', '\x06bridge\x06s3cret!')],
      /not one user name/,
    ],
    ['too_large', 'a HELLO of 5000 bytes', [plainGreeting, command('HELLO', Buffer.alloc(5_000))], /are allowed/],
    ['not_a_publisher', 'a SUB', [plainGreeting, hello('bridge', 's3cret'), initiate('SUB')], /is SUB/],
    ['refused', 'ERROR', [plainGreeting, command('ERROR', '\x02no')], /ERROR "no"/],
  ] as const)('%s: listening meets %s', (code, _, chunks, sentence) => {
    const machine = create(true);
    play(machine, chunks);
    expect(machine.failure?.code).toBe(code);
    expect(machine.failure?.message).toMatch(sentence);
    expect(machine.failure?.message).not.toContain('s3cret');
  });

  it.each([
    ['at once', []],
    ['after HELLO', [hello('bridge', 's3cret')]],
  ])('whose message is only announced, %s: nothing is kept of one before READY', (_, before) => {
    const start = Buffer.concat([plainGreeting, ...before, frame(2, Buffer.alloc(900)).subarray(0, 300)]);
    for (const pieces of [[start], [...start].map((byte) => Buffer.from([byte]))]) {
      const machine = create(true);
      play(machine, pieces);
      expect(machine.failure).toMatchObject({ code: 'bad_handshake', message: 'the peer sent a message before READY' });
    }
  });

  it('before it has named its own mechanism where the other is another: libzmq dials again then', () => {
    for (const isBound of [false, true]) {
      const { sent } = play(create(isBound), [greeting().subarray(0, 10), greeting().subarray(10)]);
      expect(sent.toString('hex')).toBe('ff00000000000000017f0301');
    }
  });
});

describe('hostile bytes', () => {
  const anyChunk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.constantFrom('HELLO', 'WELCOME', 'INITIATE', 'READY', 'ERROR'), fc.uint8Array({ maxLength: 40 }))
      .map(([name, data]) => command(name, Buffer.from(data))),
  );

  it('never let anybody in, make it throw, or answer with more than a handshake', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.array(anyChunk, { maxLength: 6 }), (isBound, greets, chunks) => {
        const machine = create(isBound);
        const { sent } = play(machine, greets ? [plainGreeting, ...chunks] : chunks);
        if (isBound) expect(machine.isEstablished).toBe(false);
        expect(sent.length).toBeLessThan(300 + chunks.reduce((sum, { length }) => sum + length, 0));
        if (machine.failure !== null) expect(machine.failure.message).not.toContain('s3cret');
      }),
      { numRuns: 2_000 },
    );
  });
});
