/**
 * The few bytes of ZMTP 3.0 that a publisher needs (https://rfc.zeromq.org/spec/23): a greeting, READY, and messages.
 * Written here because a generator through libzmq costs as much processor time as what is measured.
 */
export const greetingBytes = 64;

/** Version 3.0, mechanism NULL, not a server. With 3.0 libzmq subscribes by a message, not by a command. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

const command = 4;
const long = 2;
const more = 1;

/** READY of a PUB socket. */
export function ready(): Buffer {
  const name = Buffer.from('\x05READY', 'latin1');
  const key = Buffer.from('\x0bSocket-Type', 'latin1');
  const body = Buffer.concat([name, key, Buffer.from([0, 0, 0, 3]), Buffer.from('PUB', 'latin1')]);
  return Buffer.concat([Buffer.from([command, body.length]), body]);
}

/** One message ready for the wire but for its number, which stands at `seqAt`. */
export interface Framed {
  readonly bytes: Buffer;
  readonly seqAt: number;
  readonly payloadAt: number;
}

/** `[topic, 8-byte number, payload]`. */
export function frameMessage(topic: string, payload: Buffer): Framed {
  const first = frame(Buffer.from(topic), more);
  const second = frame(Buffer.alloc(8), more);
  const bytes = Buffer.concat([first, second, frame(payload, 0)]);
  return { bytes, seqAt: first.length + 2, payloadAt: bytes.length - payload.length };
}

function frame(body: Buffer, flags: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | long;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** How many complete frames of the peer these bytes (behind its greeting) hold: one is READY, two are a subscription. */
export function countFrames(bytes: Buffer): number {
  let at = 0;
  let frames = 0;
  while (at + 2 <= bytes.length) {
    const isLong = ((bytes[at] ?? 0) & long) !== 0;
    if (isLong && at + 9 > bytes.length) break;
    at += isLong ? 9 + Number(bytes.readBigUInt64BE(at + 1)) : 2 + (bytes[at + 1] ?? 0);
    if (at <= bytes.length) frames += 1;
  }
  return frames;
}
