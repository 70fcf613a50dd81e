import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { SocketOptions } from 'zeromq';
import { Push } from 'zeromq';
import type { Frame } from '../../src/core/frame.ts';
import type { Source } from '../../src/core/source.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import type { SourceOptions, Transport } from '../support/transports.ts';
import { FactLog, RawPublisher, SourceReader } from '../support/zmq.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Counts the turns of the event loop. */
function countTurns(): { stop(): number } {
  let turns = 0;
  let timer = setImmediate(count);
  function count() {
    turns += 1;
    timer = setImmediate(count);
  }
  return {
    stop: () => {
      clearImmediate(timer);
      return turns;
    },
  };
}

function busyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const portOf = (endpoint: string) => Number(endpoint.split(':').at(-1));

/**
 * The promises of `core/source.ts` and what every user of a source relies on, as tests; every transport runs them, with
 * libzmq as the publisher.
 */
export function sourceContract(transport: Transport): void {
  const { dials, binds } = transport;

  function dial(endpoint: string): RawPublisher {
    const publisher = RawPublisher.connect(endpoint, dials);
    cleanups.push(() => publisher.close());
    return publisher;
  }

  function createSource(options: Partial<SourceOptions>, log = new FactLog()): Source {
    return transport.create(options, log.observe);
  }

  async function openReader(options: Partial<SourceOptions>, log?: FactLog): Promise<[SourceReader, Source]> {
    const source = createSource(options, log);
    await source.open();
    const reader = new SourceReader(source);
    cleanups.push(() => reader.close());
    return [reader, source];
  }

  describe(`a bound source over ${transport.name}`, () => {
    it('takes frames of every publisher that dials in, each in its order', async () => {
      const [reader, source] = await openReader({});
      const publishers = [dial(source.endpoint), dial(source.endpoint), dial(source.endpoint)];
      for (const [index, publisher] of publishers.entries()) {
        await publisher.subscribed();
        for (let seq = 0; seq < 50; seq += 1) await publisher.send(`kv@${index}`, String(seq), 'payload');
      }
      const texts = await reader.texts(150);
      for (const index of publishers.keys()) {
        const seqs = texts.filter(([topic]) => topic === `kv@${index}`).map(([, seq]) => seq);
        expect(seqs).toEqual(Array.from({ length: 50 }, (_, seq) => String(seq)));
      }
    });

    it('hands over the frames as sent, with its name, its endpoint and the time of receipt', async () => {
      const [reader, source] = await openReader({ name: 'fleet' });
      const publisher = dial(source.endpoint);
      await publisher.subscribed();
      const before = Date.now();
      await publisher.send(Buffer.from([0xff, 0]), Buffer.alloc(0), Buffer.alloc(300, 7));
      await reader.texts(1);
      const frame = reader.frames[0];
      expect(frame).toMatchObject({ source: 'fleet', endpoint: source.endpoint });
      expect(frame?.peer).toBe(transport.knowsPeers ? '127.0.0.1' : null);
      expect(frame?.parts).toEqual([Buffer.from([0xff, 0]), Buffer.alloc(0), Buffer.alloc(300, 7)]);
      expect(frame?.receivedAt).toBeGreaterThanOrEqual(before);
      expect(frame?.receivedAt).toBeLessThanOrEqual(Date.now());
    });

    it('serves IPv4 and IPv6 under tcp://*', async () => {
      const [reader, source] = await openReader({ endpoint: 'tcp://*:0' });
      for (const host of ['127.0.0.1', '[::1]']) {
        const publisher = dial(`tcp://${host}:${portOf(source.endpoint)}`);
        await publisher.subscribed();
        await publisher.send(host);
      }
      expect(await reader.texts(2)).toEqual([['127.0.0.1'], ['[::1]']]);
      const peers = transport.knowsPeers ? ['127.0.0.1', '::1'] : [null, null];
      expect(reader.frames.map(({ peer }) => peer)).toEqual(peers);
    });

    it('names the chosen port where the configured one is 0', async () => {
      const log = new FactLog();
      const [, source] = await openReader({ endpoint: 'tcp://*:0' }, log);
      expect(source.endpoint).toMatch(/^tcp:\/\/\*:[1-9]\d+$/);
      expect(log.of('source-open')).toEqual([
        { fact: 'source-open', source: 'zmq', endpoint: source.endpoint, mode: 'bind' },
      ]);
    });

    it('takes only topics with one of the prefixes', async () => {
      const [reader, source] = await openReader({ topics: ['kv@10.0.0.1', 'other'] });
      const publisher = dial(source.endpoint);
      await waitFor(() => publisher.subscriptions === 2, { what: 'both prefixes were subscribed', every: 5 });
      for (const topic of ['kv@10.0.0.2', 'kv@10.0.0.1', 'kv@10.0.0.10', '', 'others', 'end', 'other']) {
        await publisher.send(topic);
      }
      expect(await reader.texts(4)).toEqual([['kv@10.0.0.1'], ['kv@10.0.0.10'], ['others'], ['other']]);
    });

    it('subscribes at newcomers while its reader is busy, so that they keep what they send', async () => {
      const source = createSource({});
      await source.open();
      cleanups.push(() => source.close());
      const publisher = dial(source.endpoint);
      await publisher.subscribed();
      await publisher.send('kept');
      const reader = new SourceReader(source);
      cleanups.push(() => reader.close());
      expect(await reader.texts(1)).toEqual([['kept']]);
    });

    it('says which port is taken and what to do', async () => {
      const [, source] = await openReader({});
      const log = new FactLog();
      const second = createSource({ endpoint: source.endpoint }, log);
      await expect(second.open()).rejects.toMatchObject({
        name: 'BridgeError',
        code: 'EADDRINUSE',
        message: expect.stringMatching(
          new RegExp(`^cannot bind ${source.endpoint}: .*choose another one \\(zmq.port, ZMQ_PORT, `),
        ),
      });
      await second.close();
      expect(log.of('source-open')).toEqual([]);
    });

    it('refuses a port that a foreign server listens on', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      cleanups.push(() => server.close());
      await waitFor(() => server.listening, { what: 'the server listens', every: 5 });
      const { port } = server.address() as { port: number };
      await expect(createSource({ endpoint: `tcp://127.0.0.1:${port}` }).open()).rejects.toMatchObject({
        code: 'EADDRINUSE',
      });
    });

    it.each([
      ['tcp://*:70000', 'BAD_ENDPOINT', /port 70000: use a port up to 65535/],
      ['http://*:5557', 'BAD_ENDPOINT', /http:\/\/\*:5557 is neither/],
      ['tcp://192.0.2.1:5557', 'EADDRNOTAVAIL', /cannot bind tcp:\/\/192.0.2.1:5557: .*bind tcp:\/\/\*/],
    ])('refuses to bind %s', async (endpoint, code, message) => {
      await expect(createSource({ endpoint }).open()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });

    it('gets its port back at once after a close, and the publisher with it', async () => {
      const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
      const publisher = dial(endpoint);
      for (let round = 0; round < 5; round += 1) {
        const source = createSource({ endpoint });
        await source.open();
        const reader = new SourceReader(source);
        await publisher.subscribed();
        // Again and again: what it sends before it has noticed the end of the last connection is gone.
        const came = () => reader.frames.some(({ parts }) => String(parts[0]) === String(round));
        const arrives = () => publisher.send(String(round)).then(came);
        await waitFor(arrives, { what: `a frame of round ${round} came`, every: 5 });
        await reader.close();
      }
    });

    it('starts and stops 50 times under load', async () => {
      const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
      const publisher = dial(endpoint);
      let loading = true;
      const load = (async () => {
        while (loading) {
          for (let i = 0; i < 50; i += 1) await publisher.send('kv', '12345678', Buffer.alloc(200));
          await new Promise(setImmediate);
        }
      })();
      const received: number[] = [];
      for (let round = 0; round < 50; round += 1) {
        const source = createSource({ endpoint });
        await source.open();
        const reader = new SourceReader(source);
        await reader.texts(1);
        await reader.close();
        received.push(reader.frames.length);
      }
      loading = false;
      await load;
      expect(received).toHaveLength(50);
    });

    it('passes a message of 20 MB', async () => {
      const [reader, source] = await openReader({});
      const publisher = dial(source.endpoint);
      await publisher.subscribed();
      await publisher.send('kv', '12345678', Buffer.alloc(20_000_000, 3));
      await reader.texts(1);
      expect(reader.frames[0]?.parts[2]?.equals(Buffer.alloc(20_000_000, 3))).toBe(true);
    });

    it('gives up only the connection of a publisher that sends a frame above maxMessageSize', async () => {
      const log = new FactLog();
      const [reader, source] = await openReader({ maxMessageSize: 1_000 }, log);
      const [good, bad] = [dial(source.endpoint), dial(source.endpoint)];
      await good.subscribed();
      await bad.subscribed();
      await bad.send('bad', Buffer.alloc(1_001));
      const peers = () => log.of('source-peers').map((fact) => fact.peers);
      await waitFor(() => peers().at(2) === 1, { what: 'one of two connections was given up', every: 5 });
      await good.send('good', Buffer.alloc(996 - (transport.overhead ?? 0)));
      expect((await reader.texts(1))[0]?.[0]).toBe('good');
    });

    it('counts the publishers connected', async () => {
      const log = new FactLog();
      const [, source] = await openReader({}, log);
      const peers = () => log.of('source-peers').map((fact) => fact.peers);
      const [first, second] = [
        RawPublisher.connect(source.endpoint, dials),
        RawPublisher.connect(source.endpoint, dials),
      ];
      await waitFor(() => peers().at(-1) === 2, { what: 'two peers', every: 5 });
      first.close();
      await waitFor(() => peers().at(-1) === 1, { what: 'one peer', every: 5 });
      second.close();
      await waitFor(() => peers().at(-1) === 0, { what: 'no peer', every: 5 });
      expect(Math.max(...peers())).toBe(2);
    });

    it('reports a peer that is no publisher and never counts it', async () => {
      const log = new FactLog();
      const [, source] = await openReader({}, log);
      const push = new Push({ linger: 0, ...(dials as SocketOptions<Push>) });
      push.connect(source.endpoint);
      cleanups.push(() => push.close());
      await waitFor(() => log.of('source-trouble').length > 0, { what: 'trouble was reported', every: 5 });
      expect(log.of('source-trouble')[0]).toMatchObject({ endpoint: source.endpoint, reason: 'rejected' });
      expect(log.of('source-peers')).toEqual([]);
    });
  });

  describe(`a connected source over ${transport.name}`, () => {
    it.each(['tcp://127.0.0.1', 'tcp://[::1]'])('takes frames of a publisher bound to %s', async (host) => {
      const endpoint = `${host}:${await freePorts()}`;
      const publisher = await RawPublisher.bind(endpoint, binds);
      cleanups.push(() => publisher.close());
      const [reader] = await openReader({ endpoint, mode: 'connect' });
      await publisher.subscribed();
      await publisher.send('kv', 'one');
      expect(await reader.texts(1)).toEqual([['kv', 'one']]);
    });

    it('takes frames again after the publisher restarted, and reports the time between once', async () => {
      const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
      const log = new FactLog();
      const [reader] = await openReader({ endpoint, mode: 'connect' }, log);
      for (const life of ['first', 'second']) {
        const troubles = () => log.of('source-trouble').map((fact) => fact.reason);
        await waitFor(() => troubles().length === (life === 'first' ? 1 : 2), { what: 'unreachable', every: 5 });
        expect(new Set(troubles())).toEqual(new Set(['unreachable']));
        const publisher = await RawPublisher.bind(endpoint, binds);
        await publisher.subscribed();
        await publisher.send('kv', life);
        await reader.texts(life === 'first' ? 1 : 2);
        publisher.close();
      }
      expect(await reader.texts(2)).toEqual([
        ['kv', 'first'],
        ['kv', 'second'],
      ]);
      expect(log.of('source-peers').map((fact) => fact.peers)).toEqual([1, 0, 1]);
    });

    it.each([
      ['tcp://*:5557', 'BAD_ENDPOINT', /names no address to connect to: name the host and port of the engine/],
      ['tcp://localhost:0', 'BAD_ENDPOINT', /names no address/],
      ['tcp://localhost', 'BAD_ENDPOINT', /is neither tcp:\/\/host:port nor ipc:\/\/path/],
      ['tcp://host name:1', 'EINVAL', /cannot connect tcp:\/\/host name:1: .*write it like/],
    ])('refuses to connect to %s', async (endpoint, code, message) => {
      await expect(createSource({ endpoint, mode: 'connect' }).open()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });
  });

  describe(`any source over ${transport.name}`, () => {
    it('takes nothing more from the socket than its reader asked for, so that the publisher holds the rest', async () => {
      const source = createSource({ receiveHighWaterMark: 10 });
      await source.open();
      const publisher = RawPublisher.connect(source.endpoint, { ...dials, sendHighWaterMark: 10, sendTimeout: 0 });
      cleanups.push(
        () => source.close(),
        () => publisher.close(),
      );
      await publisher.subscribed();
      // XPUB drops silently at its mark: what arrives tells how much the receiving side took.
      const payload = Buffer.alloc(1_000_000);
      for (let seq = 0; seq < 300; seq += 1) await publisher.send(String(seq), payload);
      const reader = new SourceReader(source);
      cleanups.push(() => reader.close());
      const texts = await reader.texts(10);
      expect(texts.map(([seq]) => seq)).toEqual(Array.from({ length: 10 }, (_, seq) => String(seq)));
      const isLast = ({ parts }: Frame) => String(parts[0]) === 'last';
      // Again and again: it is dropped, too, while the queue is still full.
      await waitFor(() => publisher.send('last', payload).then(() => reader.frames.some(isLast)), {
        what: 'the last one came',
      });
      expect(reader.frames.filter((frame) => !isLast(frame)).length).toBeLessThan(150);
    });

    it('lets timers run while a backlog is read', async () => {
      const source = createSource({ receiveHighWaterMark: 100_000 });
      await source.open();
      cleanups.push(() => source.close());
      // Several, so that there are several lists for a transport whose lists are long.
      const publishers = Array.from({ length: 20 }, () => dial(source.endpoint));
      for (const publisher of publishers) {
        await publisher.subscribed();
        for (let seq = 0; seq < 5; seq += 1) await publisher.send('kv', '12345678', 'payload');
      }
      const turns = countTurns();
      let [lists, received] = [0, 0];
      for await (const frames of source.frames()) {
        lists += 1;
        received += frames.length;
        busyFor(6);
        if (received === 100) break;
      }
      expect(lists).toBeGreaterThan(10);
      // Without yielding, one turn of the event loop would do for everything that is there.
      expect(turns.stop()).toBeGreaterThan(lists - 5);
    });

    it('ends after stop, also when nothing ever came, and again and again', async () => {
      const source = createSource({});
      await source.open();
      const reader = new SourceReader(source);
      source.stop();
      source.stop();
      await reader.ended;
      await Promise.all([source.close(), source.close()]);
      expect(reader.frames).toEqual([]);
    });

    it('may be stopped and closed before it was opened', async () => {
      const log = new FactLog();
      const source = createSource({}, log);
      source.stop();
      await source.close();
      expect(log.facts).toEqual([]);
    });

    it('reports that it was closed, once', async () => {
      const log = new FactLog();
      const source = createSource({}, log);
      await source.open();
      const { endpoint } = source;
      await source.close();
      await source.close();
      expect(log.of('source-closed')).toEqual([{ fact: 'source-closed', source: 'zmq', endpoint }]);
    });
  });
}
