/** What ZMTP peers put on the wire, for tests that play one. Written from RFC 23 and 37, apart from what it tests. */

export interface GreetingOptions {
  readonly minor?: number;
  readonly mechanism?: string;
}

export function greeting({ minor = 1, mechanism = 'NULL' }: GreetingOptions = {}): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = minor;
  bytes.write(mechanism, 12, 'latin1');
  return bytes;
}

export function frame(flags: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  if (bytes.length < 256 && (flags & 2) === 0) return Buffer.concat([Buffer.from([flags, bytes.length]), bytes]);
  const header = Buffer.alloc(9);
  header[0] = flags | 2;
  header.writeBigUInt64BE(BigInt(bytes.length), 1);
  return Buffer.concat([header, bytes]);
}

export function message(...parts: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(parts.map((part, index) => frame(index < parts.length - 1 ? 1 : 0, part)));
}

export function command(name: string, data: Buffer | string = ''): Buffer {
  return frame(4, Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(data)]));
}

export function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
}

export const ready = (type = 'PUB') => command('READY', property('Socket-Type', type));

/** All that a publisher sends before its first message. */
export const handshake = (options: GreetingOptions = {}) => Buffer.concat([greeting(options), ready()]);
