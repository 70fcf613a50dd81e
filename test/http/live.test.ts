import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { streamStatus } from '../page/played-status.ts';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';
import type { Served } from './served.ts';
import { serve } from './served.ts';

interface Said {
  readonly event: string;
  readonly data: unknown;
}

class Listener {
  readonly answer: IncomingMessage;
  #text = '';
  isEnded = false;

  constructor(answer: IncomingMessage) {
    this.answer = answer;
    answer.setEncoding('utf8').on('data', (part: string) => {
      this.#text += part;
    });
    answer.on('end', () => {
      this.isEnded = true;
    });
    answer.on('error', () => undefined);
  }

  static async open({ server }: Served): Promise<Listener> {
    const request = get(`${server.address}/live`);
    onTestFinished(() => void request.destroy());
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return new Listener(answer);
  }

  of(event: string): unknown[] {
    return this.#all.filter((said) => said.event === event).map(({ data }) => data);
  }

  get #all(): Said[] {
    const blocks = this.#text.split('\n\n').slice(0, -1);
    return blocks.flatMap((block) => {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      return event === '' ? [] : [{ event, data: JSON.parse(data) as unknown }];
    });
  }

  /** Ids in the events `streams`, in order. */
  get streamIds(): string[] {
    return this.of('streams').flatMap((streams) => (streams as { id: string }[]).map(({ id }) => id));
  }
}

describe('GET /live', () => {
  it('sends the status without its streams at once and again each second', async () => {
    const served = await serve();
    served.status.streams = [streamStatus('zmq/a/0')];
    const listener = await Listener.open(served);
    expect(listener.answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    await waitUntil(() => expect(listener.of('status').length).toBeGreaterThan(2));
    for (const status of listener.of('status')) {
      expect(status).toMatchObject({ name: 'fleet-a', streams: { known: 1, shown: 1 } });
      expect((status as { streams: object }).streams).not.toHaveProperty('items');
    }
  });

  it('sends all streams at first, at most 200 in one event, then only what has changed', async () => {
    const served = await serve();
    served.status.streams = Array.from({ length: 450 }, (_, at) => streamStatus(`zmq/t${at}/0`));
    const listener = await Listener.open(served);
    await waitUntil(() => expect(listener.streamIds).toHaveLength(450));
    expect(listener.of('streams').map((streams) => (streams as unknown[]).length)).toEqual([200, 200, 50]);
    await waitUntil(() => expect(listener.of('status').length).toBeGreaterThan(2));
    served.status.streams[7] = streamStatus('zmq/t7/0', { events: 43 });
    await waitUntil(() => expect(listener.streamIds).toHaveLength(451));
    expect(listener.of('streams').at(-1)).toMatchObject([{ id: 'zmq/t7/0', events: 43 }]);
  });

  it('says which streams are gone, and begins anew for whoever comes later', async () => {
    const served = await serve();
    served.status.streams = ['a', 'b', 'c'].map((name) => streamStatus(`zmq/${name}/0`));
    const listener = await Listener.open(served);
    await waitUntil(() => expect(listener.streamIds).toHaveLength(3));
    served.status.streams.splice(1, 1);
    await waitUntil(() => expect(listener.of('gone')).toEqual([['zmq/b/0']]));
    const late = await Listener.open(served);
    await waitUntil(() => expect(late.of('status').length).toBeGreaterThan(1));
    expect(late.streamIds).toEqual(['zmq/a/0', 'zmq/c/0']);
    expect(late.of('gone')).toEqual([]);
  });

  it('sends the newest records, at most 20 each second, with token ids hidden', async () => {
    const served = await serve();
    const listener = await Listener.open(served);
    const stream = testStream();
    for (let seq = 0; seq < 500; seq += 1) served.tap.take(batchOf(stream, [eventDocument(stream, { seq })], seq));
    await waitUntil(() => expect(listener.of('records')).toHaveLength(1));
    const [records] = listener.of('records') as { seq: string; event: object }[][];
    expect(records?.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 20 }, (_, at) => 480 + at));
    expect(records?.[0]?.event).toMatchObject({ token_ids_hidden: 3 });
    expect(JSON.stringify(records)).not.toContain('"token_ids"');
  });

  it('shortens records that nobody could read on a page', async () => {
    const served = await serve();
    const listener = await Listener.open(served);
    const stream = testStream();
    served.tap.take(batchOf(stream, [eventDocument(stream, { seq: 0, text: 'x'.repeat(20_000) })]));
    served.tap.take(batchOf(stream, [eventDocument(stream, { seq: 1, text: 'x'.repeat(300_000) })], 1));
    await waitUntil(() => expect(listener.of('records')).toHaveLength(1));
    const [[record]] = listener.of('records') as [[object]];
    expect(record).toMatchObject({ seq: '0', type: 'BlockStored', shortened: expect.any(Number) });
    expect(record).not.toHaveProperty('event');
    expect(listener.of('records')[0]).toHaveLength(1);
  });

  it('asks for the status only while somebody looks', async () => {
    const served = await serve();
    const listener = await Listener.open(served);
    await waitUntil(() => expect(listener.of('status').length).toBeGreaterThan(1));
    expect(served.tap.isOpen).toBe(true);
    listener.answer.destroy();
    await waitUntil(() => expect(served.tap.isOpen).toBe(false));
    const { asked } = served.status;
    const other = await Listener.open(served);
    await waitUntil(() => expect(other.of('status').length).toBeGreaterThan(1));
    // One for each second that was looked at: none in between.
    expect(served.status.asked).toBe(asked + other.of('status').length);
  });

  it('costs its readers their connection, and nothing else, when the status cannot be told', async () => {
    const served = await serve();
    const listener = await Listener.open(served);
    await waitUntil(() => expect(listener.of('status').length).toBeGreaterThan(0));
    const tell = served.status.status;
    served.status.status = () => {
      throw new Error('out of order');
    };
    await waitUntil(() => expect(listener.answer.destroyed).toBe(true));
    await Listener.open(served).catch(() => undefined);
    expect((await fetch(`${served.server.address}/livez`)).status).toBe(200);
    await waitUntil(() => expect(served.tap.isOpen).toBe(false));
    served.status.status = tell;
    const again = await Listener.open(served);
    await waitUntil(() => expect(again.of('status').length).toBeGreaterThan(0));
  });

  it('ends when the server closes', async () => {
    const served = await serve();
    const listener = await Listener.open(served);
    await served.server.close();
    await waitUntil(() => expect(listener.isEnded).toBe(true));
  });
});
