import { afterEach, describe, expect, it } from 'vitest';
import type { MessageLike } from 'zeromq';
import { Dealer, Subscriber } from 'zeromq';
import type { EngineOptions } from '../../src/simulator/engine.ts';
import { bindsByItself, Engine } from '../../src/simulator/engine.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openEngine(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = new Engine({ endpoint: 'tcp://127.0.0.1:0', bind: true, topic: 'kv@pod@model', ...options });
  cleanups.push(() => engine.close());
  await engine.open();
  return engine;
}

async function withReplay(options: Partial<EngineOptions> = {}): Promise<[Engine, Dealer]> {
  const replay = `tcp://127.0.0.1:${await freePorts()}`;
  const engine = await openEngine({ replay, ...options });
  const dealer = new Dealer({ linger: 0, receiveTimeout: 5_000 });
  dealer.connect(replay);
  cleanups.push(() => dealer.close());
  return [engine, dealer];
}

/** Reads answers up to the end marker; each message's frames in hex. */
async function answers(dealer: Dealer, ...request: MessageLike[]): Promise<string[][]> {
  await dealer.send(request);
  const messages: string[][] = [];
  for (;;) {
    const frames = (await dealer.receive()).map((frame) => frame.toString('hex'));
    messages.push(frames);
    if (frames.at(-1) === '') return messages;
  }
}

function subscribe(engine: Engine): Subscriber {
  const subscriber = new Subscriber({ linger: 0, receiveTimeout: 5_000 });
  subscriber.connect(engine.endpoint);
  subscriber.subscribe('');
  cleanups.push(() => subscriber.close());
  return subscriber;
}

const hex = (text: string) => Buffer.from(text).toString('hex');
const seq = (value: number) => value.toString(16).padStart(16, '0');
const topic = hex('kv@pod@model');
const end = 'ffffffffffffffff';

describe('publishing', () => {
  it('sends topic, 8-byte big-endian number from 0 on, payload', async () => {
    const engine = await openEngine();
    const subscriber = subscribe(engine);
    await waitFor(() => engine.subscribed, { what: 'the subscription came', every: 5 });
    await engine.publish(Buffer.from('a'));
    await engine.publish(Buffer.from('b'));
    expect((await subscriber.receive()).map((frame) => frame.toString('hex'))).toEqual([topic, seq(0), hex('a')]);
    expect((await subscriber.receive()).map((frame) => frame.toString('hex'))).toEqual([topic, seq(1), hex('b')]);
  });

  it('begins at the first number it was given and leaves out skipped ones', async () => {
    const [engine, dealer] = await withReplay({ firstSequence: 1n });
    await engine.publish(Buffer.from('a'));
    engine.skip();
    await engine.publish(Buffer.from('b'));
    expect(engine.nextSequence).toBe(4n);
    expect((await answers(dealer, '', '')).map((frames) => frames[2])).toEqual([seq(1), seq(3), end]);
  });

  it('waits for a subscriber that does not read, and sends everything once it does, also after the close', async () => {
    const engine = await openEngine({ highWaterMark: 10 });
    const subscriber = new Subscriber({ linger: 0, receiveTimeout: 5_000, receiveHighWaterMark: 10 });
    subscriber.connect(engine.endpoint);
    subscriber.subscribe('');
    cleanups.push(() => subscriber.close());
    await waitFor(() => engine.subscribed, { what: 'the subscription came', every: 5 });
    const publishing = (async () => {
      for (let number = 0; number < 100; number += 1) await engine.publish(Buffer.alloc(1_000_000));
      await engine.close();
    })();
    await waitFor(() => engine.nextSequence >= 15n, { what: 'more was sent than either side may hold', every: 5 });
    const numbers: number[] = [];
    while (numbers.length < 100) numbers.push(Number((await subscriber.receive())[1]?.readBigUInt64BE()));
    await publishing;
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it('gives up waiting for room when it is told to stop', async () => {
    const engine = await openEngine({ highWaterMark: 1 });
    subscribe(engine).receiveHighWaterMark = 1;
    await waitFor(() => engine.subscribed, { what: 'the subscription came', every: 5 });
    const stop = new AbortController();
    const sent: boolean[] = [];
    const publishing = (async () => {
      while (sent.at(-1) !== false) sent.push(await engine.publish(Buffer.alloc(5_000_000), stop.signal));
    })();
    await waitFor(() => sent.length > 0, { what: 'the first batch is sent', every: 5 });
    stop.abort();
    await publishing;
    expect(sent.length).toBeGreaterThan(1);
    expect(engine.nextSequence).toBe(BigInt(sent.length - 1));
  });

  it('names the endpoint that cannot be used', async () => {
    const engine = await openEngine();
    await expect(openEngine({ endpoint: engine.endpoint })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`cannot bind ${engine.endpoint}: `),
    });
    await expect(openEngine({ replay: engine.endpoint })).rejects.toMatchObject({
      message: expect.stringContaining(`cannot bind the replay socket ${engine.endpoint}: `),
    });
  });

  it.each([
    ['tcp://*:5557', true],
    ['tcp://[::]:5557', true],
    ['tcp://[2001:db8::5]:5557', true],
    ['ipc:///run/kv', true],
    ['tcp://0.0.0.0:5557', false],
    ['tcp://10.0.0.5:5557', false],
  ])('left to itself, decides as vLLM does whether %s is bound: %s', (endpoint, bound) => {
    expect(bindsByItself(endpoint)).toBe(bound);
  });
});

describe('the replay socket', () => {
  it('answers with every batch from the number on, topic included, then the end marker without topic', async () => {
    const [engine, dealer] = await withReplay();
    for (const payload of ['a', 'b', 'c']) await engine.publish(Buffer.from(payload));
    expect(await answers(dealer, '', Buffer.from(seq(1), 'hex'))).toEqual([
      ['', topic, seq(1), hex('b')],
      ['', topic, seq(2), hex('c')],
      ['', '', end, ''],
    ]);
  });

  it('answers without topic frames as older engines do', async () => {
    const [engine, dealer] = await withReplay({ replayTopic: false });
    await engine.publish(Buffer.from('a'));
    expect(await answers(dealer, '', Buffer.alloc(8))).toEqual([
      ['', seq(0), hex('a')],
      ['', end, ''],
    ]);
  });

  it.each([
    ['no bytes', '', 0],
    ['one byte', '02', 2],
    ['nine bytes', '000000000000000001', 1],
    ['beyond the end', 'ffffffff', 3],
  ])('reads a start of %s', async (_, start, first) => {
    const [engine, dealer] = await withReplay();
    for (const payload of ['a', 'b', 'c']) await engine.publish(Buffer.from(payload));
    const sequences = (await answers(dealer, 'any delimiter', Buffer.from(start, 'hex'))).map((frames) => frames[2]);
    expect(sequences).toEqual([...[0, 1, 2].filter((number) => number >= first).map(seq), end]);
  });

  it('ignores requests of any other number of frames and answers the next good one', async () => {
    const [engine, dealer] = await withReplay();
    await engine.publish(Buffer.from('a'));
    await dealer.send([Buffer.alloc(8)]);
    await dealer.send(['', Buffer.alloc(8), 'more']);
    expect(await answers(dealer, '', Buffer.alloc(8))).toEqual([
      ['', topic, seq(0), hex('a')],
      ['', '', end, ''],
    ]);
  });

  it('keeps only the last batches', async () => {
    const [engine, dealer] = await withReplay({ bufferBatches: 3 });
    for (let number = 0; number < 10; number += 1) await engine.publish(Buffer.from('x'));
    expect((await answers(dealer, '', '')).map((frames) => frames[2])).toEqual([seq(7), seq(8), seq(9), end]);
  });

  it('loses nothing of a long answer', async () => {
    const [engine, dealer] = await withReplay({ bufferBatches: 5_000 });
    for (let number = 0; number < 5_000; number += 1) await engine.publish(Buffer.alloc(2_000));
    expect(await answers(dealer, '', '')).toHaveLength(5_001);
  });
});
