import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RecordClient } from '../../src/http/record-client.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';

const stream = testStream();
const query = { streams: [], models: [], types: [], tokens: false };
const limit = 1_048_576;

/** Takes what is written only when told. */
class Stuck extends Writable {
  taken = 0;
  #take: (() => void) | undefined;
  isFlowing = false;

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.taken += chunk.length;
    if (this.isFlowing) done();
    else this.#take = done;
  }

  flow(): void {
    this.isFlowing = true;
    this.#take?.();
  }
}

describe('a reader of records', () => {
  it('that takes nothing holds no more than its limit, however long it stays', async () => {
    const output = new Stuck();
    const client = new RecordClient(query, output as unknown as ServerResponse, limit);
    const batch = (seq: number) => batchOf(stream, [eventDocument(stream, { seq, text: 'x'.repeat(50_000) })], seq);
    for (let seq = 0; seq < 100; seq += 1) {
      client.offer(batch(seq));
      await sleep(1);
    }
    // The connection holds one chunk, the queue the rest.
    expect(output.writableLength).toBeLessThan(200_000);
    output.flow();
    await waitUntil(() => expect(output.taken).toBeGreaterThan(limit - 100_000));
    client.offer(batch(100));
    await waitUntil(() => expect(output.writableLength).toBe(0));
    expect(output.taken).toBeLessThan(2 * limit);
  });

  it('that is gone gets nothing more, and nobody waits for it', async () => {
    const output = new Stuck();
    const client = new RecordClient(query, output as unknown as ServerResponse, limit);
    for (let seq = 0; seq < 10; seq += 1)
      client.offer(batchOf(stream, [eventDocument(stream, { seq, text: 'x'.repeat(50_000) })], seq));
    await waitUntil(() => expect(output.taken).toBeGreaterThan(0));
    output.destroy();
    const { taken } = output;
    client.offer(batchOf(stream, [eventDocument(stream, { seq: 10 })], 10));
    await sleep(30);
    expect(output.taken).toBe(taken);
  });
});
