import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readInto, readSparingly, sharedBuffer } from '../../src/core/socket-reads.ts';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Both ends of a connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = await accepted;
  open.push(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

/** What comes in, as the calls bring it. */
class Seen {
  readonly chunks: Buffer[] = [];
  #wake: () => void = () => undefined;

  readonly add = (bytes: Buffer): void => {
    this.chunks.push(bytes);
    this.#wake();
  };

  async until(length: number): Promise<void> {
    while (Buffer.concat(this.chunks).length < length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

describe('reading into one buffer', () => {
  it('gives views of it, on this version of Node.js too', async () => {
    const [near, far] = await pair();
    const shared = sharedBuffer();
    const seen = new Seen();
    near.on('data', () => seen.add(Buffer.from('an event')));
    readInto(near, shared, (bytes) => seen.add(bytes));
    far.write('once');
    await seen.until(4);
    expect(seen.chunks.map((chunk) => chunk.buffer === shared.buffer)).toEqual([true]);
    expect(seen.chunks.join('')).toBe('once');
  });

  it('gives a library copies, which stay as they are, and takes up a socket that is being read', async () => {
    const [near, far] = await pair();
    const shared = sharedBuffer();
    const seen = new Seen();
    near.on('data', seen.add);
    far.write('as usual, ');
    await seen.until(10);
    readSparingly(near, shared);
    far.write('sparingly, ');
    await seen.until(21);
    far.write('and again');
    await seen.until(30);
    expect(seen.chunks.join('')).toBe('as usual, sparingly, and again');
    expect(shared.toString('latin1', 0, 9)).toBe('and again');
  });

  it('leaves a socket alone that is gone', async () => {
    const [near] = await pair();
    near.destroy();
    expect(() => readSparingly(near, sharedBuffer())).not.toThrow();
  });
});
