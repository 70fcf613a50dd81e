import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { XPublisher } from 'zeromq';
import type { Source } from '../../src/core/source.ts';
import type { ZmqSourceOptions } from '../../src/ingress/zmq-source.ts';
import { freePorts } from '../support/ports.ts';
import { PublisherProcess } from '../support/publisher-process.ts';
import { waitFor } from '../support/services/service.ts';
import type { Transport } from '../support/transports.ts';
import { libzmq, transports } from '../support/transports.ts';
import { waitUntil } from '../support/wait.ts';
import { FactLog, RawPublisher, SourceReader } from '../support/zmq.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const soon = { settle: 200, shortest: 20, longest: 160 };

class Connected {
  readonly log = new FactLog();
  readonly source: Source;
  reconnects = 0;

  constructor(endpoint: string, options: Partial<ZmqSourceOptions> = {}, transport: Transport = libzmq) {
    const limits = { maxMessageSize: 1_000, reconnectTimes: soon };
    this.source = transport.create({ mode: 'connect', ...limits, endpoint, ...options }, this.log.observe);
  }

  open(): Promise<void> {
    return this.source.open(() => {
      this.reconnects += 1;
    });
  }

  async read(): Promise<SourceReader> {
    await this.open();
    const reader = new SourceReader(this.source);
    cleanups.push(() => reader.close());
    return reader;
  }

  get zombies(): number {
    return this.log.of('source-zombie').length;
  }

  troubles(reason: string): number {
    return this.log.of('source-trouble').filter((fact) => fact.reason === reason).length;
  }
}

const freeEndpoint = async () => `tcp://127.0.0.1:${await freePorts()}`;

async function bind(endpoint: string): Promise<RawPublisher> {
  const publisher = await RawPublisher.bind(endpoint);
  cleanups.push(() => publisher.close());
  return publisher;
}

function startable(endpoint: string, every = 10): PublisherProcess {
  const publisher = new PublisherProcess(endpoint, every);
  cleanups.push(() => publisher.kill());
  return publisher;
}

describe.each(transports)('a connected source tells of its reconnections over $name', (transport) => {
  it('exactly once for each restart of the publisher, and not for the first connection', async () => {
    const endpoint = await freeEndpoint();
    const publisher = startable(endpoint);
    const connected = new Connected(endpoint, {}, transport);
    const reader = await connected.read();
    for (let life = 1; life <= 3; life += 1) {
      await publisher.start();
      const ofThisLife = () => reader.frames.filter(({ parts }) => String(parts[0]) === String(life)).length;
      await waitFor(() => ofThisLife() > 20, { what: `frames of life ${life}`, every: 5 });
      expect(connected.reconnects).toBe(life - 1);
      await publisher.kill();
    }
    expect(connected.zombies).toBe(0);
  });

  it('not where publishers dial in', async () => {
    const connected = new Connected('tcp://127.0.0.1:0', { mode: 'bind' }, transport);
    const reader = await connected.read();
    for (let life = 1; life <= 3; life += 1) {
      const publisher = RawPublisher.connect(connected.source.endpoint);
      await publisher.subscribed();
      await publisher.send(String(life));
      await reader.texts(life);
      publisher.close();
    }
    expect(connected.reconnects).toBe(0);
  });
});

describe('a connection that libzmq gives up for ever', () => {
  it('is dialled anew after a frame above maxMessageSize; what came before is kept, what comes later arrives', async () => {
    const endpoint = await freeEndpoint();
    const publisher = await bind(endpoint);
    const connected = new Connected(endpoint);
    await connected.open();
    await publisher.subscribed();
    for (const text of ['a', 'b', 'c']) await publisher.send(text);
    await publisher.send(Buffer.alloc(1_001));
    await waitFor(() => connected.log.of('source-peers').at(-1)?.peers === 0, { what: 'lost', every: 5 });
    // Nobody has read yet: dialling anew would lose what the old connection has brought.
    await sleep(2 * (soon.settle + soon.longest));
    expect(connected.zombies).toBe(0);
    const reader = new SourceReader(connected.source);
    cleanups.push(() => reader.close());
    expect(await reader.texts(3)).toEqual([['a'], ['b'], ['c']]);
    await waitFor(() => connected.reconnects === 1, { what: 'reconnected', every: 5 });
    expect(connected.log.of('source-zombie')).toEqual([{ fact: 'source-zombie', source: 'zmq', endpoint, attempt: 1 }]);
    await publisher.subscribed();
    await publisher.send('later');
    expect((await reader.texts(4))[3]).toEqual(['later']);
    expect(connected.log.of('source-peers').map((fact) => fact.peers)).toEqual([1, 0, 1]);
  });

  it('is dialled anew, less and less often, while the security mechanism is refused, and recovers', async () => {
    const endpoint = await freeEndpoint();
    const key = 'JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6';
    const other = new XPublisher({ linger: 0, curveServer: true, curveSecretKey: key });
    await other.bind(endpoint);
    const connected = new Connected(endpoint, { random: () => 0.999 });
    const reader = await connected.read();
    const began = performance.now();
    await waitFor(() => connected.zombies >= 6, { what: 'six renewals', every: 5 });
    // 6 x settle + 20 + 40 + 80 + 160 + 160 + 160, and no more than what the machine is late.
    expect(performance.now() - began).toBeGreaterThan(6 * soon.settle + 600);
    expect(connected.log.of('source-zombie').map((fact) => fact.attempt)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(connected.reconnects).toBe(0);
    other.close();
    // libzmq frees the port in the background.
    const publisher = await waitUntil(() => bind(endpoint));
    await publisher.subscribed();
    await publisher.send('kv');
    expect(await reader.texts(1)).toEqual([['kv']]);
    expect(connected.reconnects).toBe(0);
  });

  it.each(['stop', 'close'] as const)('is left alone after %s', async (method) => {
    const endpoint = await freeEndpoint();
    const publisher = await bind(endpoint);
    const connected = new Connected(endpoint);
    await connected.open();
    cleanups.push(() => connected.source.close());
    await publisher.subscribed();
    await publisher.send(Buffer.alloc(1_001));
    await waitFor(() => connected.log.of('source-peers').at(-1)?.peers === 0, { what: 'lost', every: 5 });
    await connected.source[method]();
    await sleep(2 * (soon.settle + soon.longest));
    expect(connected.zombies).toBe(0);
    expect(connected.reconnects).toBe(0);
  });

  it('is not what it takes a publisher for that is merely away', async () => {
    const endpoint = await freeEndpoint();
    const publisher = await RawPublisher.bind(endpoint);
    const connected = new Connected(endpoint);
    await connected.read();
    await publisher.subscribed();
    publisher.close();
    await sleep(4 * (soon.settle + soon.longest));
    expect(connected.zombies).toBe(0);
    await (await waitUntil(() => bind(endpoint))).subscribed();
    await waitFor(() => connected.reconnects === 1, { what: 'reconnected', every: 5 });
  });
});

describe('a connection that was lost', () => {
  it('is made again by libzmq after stop, of which the source tells nobody', async () => {
    const endpoint = await freeEndpoint();
    const first = await RawPublisher.bind(endpoint);
    const connected = new Connected(endpoint);
    await connected.open();
    cleanups.push(() => connected.source.close());
    await first.subscribed();
    first.close();
    connected.source.stop();
    const second = await waitUntil(() => bind(endpoint));
    await second.subscribed();
    expect(connected.log.of('source-peers').at(-1)?.peers).toBe(1);
    expect(connected.reconnects).toBe(0);
  });
});
