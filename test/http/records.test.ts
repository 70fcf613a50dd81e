import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { batchOf, eventDocument, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';
import type { Served } from './served.ts';
import { serve } from './served.ts';

type Line = Record<string, unknown>;

class Reader {
  readonly answer: IncomingMessage;
  text = '';
  isEnded = false;

  constructor(answer: IncomingMessage) {
    this.answer = answer;
    answer.setEncoding('utf8');
    answer.on('data', (part: string) => {
      this.text += part;
    });
    answer.on('end', () => {
      this.isEnded = true;
    });
    answer.on('error', () => undefined);
  }

  static async open({ server }: Served, query = ''): Promise<Reader> {
    const request = get(`${server.address}/records${query}`);
    onTestFinished(() => void request.destroy());
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return new Reader(answer);
  }

  get lines(): Line[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  async until(count: number): Promise<Line[]> {
    await waitUntil(() => expect(this.lines.length).toBeGreaterThanOrEqual(count));
    return this.lines;
  }
}

const stream = testStream();
const event = (seq: number, over = {}) => batchOf(stream, [eventDocument(stream, { seq, ...over })], seq);
const control = (type: string, seq: number) =>
  batchOf(stream, [JSON.stringify({ v: 1, id: `${seq}.${type}`, type, stream: stream.id })], seq);

describe('GET /records', () => {
  it('shows records from now on, one per line, with token ids hidden', async () => {
    const served = await serve();
    const reader = await Reader.open(served);
    expect(reader.answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    served.tap.take(event(0));
    served.tap.take(
      batchOf(stream, [eventDocument(stream, { seq: 1, index: 0 }), eventDocument(stream, { seq: 1, index: 1 })], 1),
    );
    const lines = await reader.until(3);
    expect(lines.map(({ seq, index }) => [seq, index])).toEqual([
      ['0', 0],
      ['1', 0],
      ['1', 1],
    ]);
    expect(lines[0]?.['event']).toMatchObject({ token_ids_hidden: 3 });
    expect(reader.text).not.toContain('"token_ids"');
  });

  it('lets nobody look for free: the tap is open only while somebody reads', async () => {
    const served = await serve();
    expect(served.tap.isOpen).toBe(false);
    const [one, other] = [await Reader.open(served), await Reader.open(served)];
    expect(served.tap.isOpen).toBe(true);
    one.answer.destroy();
    served.tap.take(event(0));
    await other.until(1);
    expect(served.tap.isOpen).toBe(true);
    other.answer.destroy();
    await waitUntil(() => expect(served.tap.isOpen).toBe(false));
  });

  it('selects by parts of the stream, model and type; each may be given more than once', async () => {
    const served = await serve();
    const other = testStream('10.0.0.6');
    const readers = {
      stream: await Reader.open(served, '?stream=10.0.0.6'),
      model: await Reader.open(served, '?model=Qwen/Qwen3-0.6B&type=StreamGap'),
      none: await Reader.open(served, '?model=Qwen'),
      type: await Reader.open(served, '?type=StreamGap&type=EmptyBatch'),
    };
    served.tap.take(event(0));
    served.tap.take(batchOf(other, [eventDocument(other, { seq: 0 })]));
    served.tap.take(control('StreamGap', 1));
    served.tap.take(control('EmptyBatch', 2));
    const all = await Reader.open(served);
    served.tap.take(control('StreamGap', 3));
    await all.until(1);
    expect((await readers.type.until(3)).map(({ id }) => id)).toEqual(['1.StreamGap', '2.EmptyBatch', '3.StreamGap']);
    expect((await readers.model.until(2)).map(({ type }) => type)).toEqual(['StreamGap', 'StreamGap']);
    expect((await readers.stream.until(1)).map(({ stream: id }) => id)).toEqual([other.id]);
    expect(readers.none.lines).toEqual([]);
  });

  it('finds the type of an event inside a record of a whole batch', async () => {
    const served = await serve();
    const reader = await Reader.open(served, '?type=BlockRemoved');
    const whole = (id: string, types: string[]) =>
      JSON.stringify({ id, type: 'Batch', events: types.map((type) => ({ type })) });
    served.tap.take(batchOf(stream, [whole('a', ['BlockStored']), whole('b', ['BlockStored', 'BlockRemoved'])]));
    expect((await reader.until(1)).map(({ id }) => id)).toEqual(['b']);
  });

  it('shows token ids only where the setting http.tokens allows it and only to those who ask', async () => {
    const refused = await serve();
    const answer = await fetch(`${refused.server.address}/records?tokens=1`);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      key: 'tokens',
      error: expect.stringMatching(/http\.tokens.*HTTP_TOKENS/),
    });
    expect(refused.tap.isOpen).toBe(false);

    const served = await serve({ tokens: true });
    const [open, hidden] = [await Reader.open(served, '?tokens=1'), await Reader.open(served)];
    const batch = event(0);
    served.tap.take(batch);
    await Promise.all([open.until(1), hidden.until(1)]);
    expect(open.text).toBe(batch.bytes.toString());
    expect(hidden.text).not.toContain('"token_ids"');
  });

  it.each([
    ['?stream=', 'stream', ''],
    ['?type=&type=StreamGap', 'type', ''],
    ['?tokens=yes', 'tokens', 'yes'],
    ['?strem=a', 'strem', 'a'],
  ])('refuses %s and says what to do', async (query, key, value) => {
    const { server } = await serve();
    const answer = await fetch(`${server.address}/records${query}`);
    expect(answer.status).toBe(400);
    const body = (await answer.json()) as Record<string, string>;
    expect(body).toMatchObject({ key, value });
    expect(body['error']).toContain(`${key}=${value}`);
    expect(body['remedy']).toMatch(/leave|use/);
  });

  it('leaves out what a slow reader does not take, and says how much is missing and where', async () => {
    const served = await serve();
    const reader = await Reader.open(served);
    reader.answer.pause();
    const count = 6_000;
    for (let seq = 0; seq < count; seq += 1) served.tap.take(event(seq, { tokens: 1_000 }));
    reader.answer.resume();
    await waitUntil(() => expect(seen(reader)).toBe(count), 30_000);
    served.tap.take(control('EmptyBatch', count));
    const lines = await reader.until(reader.lines.length + 1);
    const notices = lines.filter(({ type }) => type === 'TailSkipped');
    expect(notices.length).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatchObject({ type: 'EmptyBatch' });
    // Where the notice stands, there the records are missing.
    const first = lines.findIndex(({ type }) => type === 'TailSkipped');
    expect(lines.slice(0, first).map(({ seq }) => Number(seq))).toEqual(Array.from({ length: first }, (_, at) => at));
  });

  it('ends when the server closes', async () => {
    const served = await serve();
    const reader = await Reader.open(served);
    await served.server.close();
    await waitUntil(() => expect(reader.isEnded).toBe(true));
    expect(served.tap.isOpen).toBe(false);
  });

  it('turns away more readers than it can serve', async () => {
    const served = await serve();
    const readers: Reader[] = [];
    for (let count = 0; count < 32; count += 1) readers.push(await Reader.open(served));
    const answer = await fetch(`${served.server.address}/records`);
    expect([answer.status, (await answer.json()) as object]).toMatchObject([
      503,
      { error: expect.stringMatching(/32/) },
    ]);
    readers[0]?.answer.destroy();
    await waitUntil(async () => expect((await Reader.open(served)).answer.statusCode).toBe(200));
  });
});

/** Records that have come or are known to be left out. */
function seen({ lines }: Reader): number {
  return lines.reduce((sum, { type, skipped }) => sum + (type === 'TailSkipped' ? Number(skipped) : 1), 0);
}
