import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arrival, Destination, Target } from './target.ts';

/** What a pipe gave, as it came. */
interface Chunk {
  readonly bytes: Buffer;
  readonly at: number;
}

export async function stdoutTarget(): Promise<Target> {
  return { version: 'a pipe', prepare: async () => new Pipe(), close: async () => {} };
}

/**
 * A named pipe, as `kv-event-bridge | consumer` has one (Node's own `stdio: 'pipe'` is a socket). While the candidate runs
 * its bytes are only kept and their lines counted: parsing them would take the processor from it.
 */
class Pipe implements Destination {
  readonly address: { readonly sink: 'stdout'; readonly fd: number };
  readonly #folder = mkdtempSync(join(tmpdir(), 'kv-event-bridge-bench-'));
  readonly #reader: Socket;
  readonly #chunks: Chunk[] = [];
  #lines = 0;

  constructor() {
    const path = join(this.#folder, 'pipe');
    if (spawnSync('mkfifo', [path]).status !== 0) throw new Error('mkfifo (coreutils) is needed and failed');
    // The reading end first and without waiting: a writer finds a reader, and nobody blocks.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#reader = new Socket({ fd, readable: true, writable: false });
    this.#reader.on('data', (bytes: Buffer) => this.#keep(bytes)).on('error', () => {});
    this.address = { sink: 'stdout', fd: openSync(path, constants.O_WRONLY) };
  }

  async count(): Promise<number> {
    return this.#lines;
  }

  async read(take: (record: string) => void): Promise<void> {
    this.#arrivals(({ record }) => take(record));
  }

  /** Times were taken as the chunks came: the lines are cut out when it ends. */
  async watch(take: (arrival: Arrival) => void): Promise<() => Promise<void>> {
    return async () => this.#arrivals(take);
  }

  async remove(): Promise<void> {
    closeSync(this.address.fd);
    this.#reader.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push({ bytes, at: performance.timeOrigin + performance.now() });
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) this.#lines += 1;
  }

  #arrivals(take: (arrival: Arrival) => void): void {
    let begun: Buffer[] = [];
    for (const { bytes, at } of this.#chunks) {
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        begun.push(bytes.subarray(start, end));
        take({ record: Buffer.concat(begun).toString('utf8'), at });
        begun = [];
        start = end + 1;
      }
      if (start < bytes.length) begun.push(bytes.subarray(start));
    }
  }
}
