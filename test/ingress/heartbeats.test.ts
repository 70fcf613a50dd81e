import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/frame.ts';
import type { Source } from '../../src/core/source.ts';
import { MutePublisher } from '../support/mute-publisher.ts';
import { freePorts } from '../support/ports.ts';
import { PublisherProcess } from '../support/publisher-process.ts';
import { waitFor } from '../support/services/service.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { transports } from '../support/transports.ts';
import { FactLog, RawPublisher, SourceReader } from '../support/zmq.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const heartbeats = { heartbeatInterval: 100, heartbeatTimeout: 1_000 };

const reasons = (log: FactLog) => log.of('source-trouble').map((fact) => fact.reason);
const peers = (log: FactLog) => log.of('source-peers').map((fact) => fact.peers);

describe.each(transports)('heartbeats of a connected source over $name', (transport) => {
  function createSource(endpoint: string, log: FactLog, receiveHighWaterMark = 1_000): Source {
    const options = { mode: 'connect', maxMessageSize: -1, ...heartbeats, endpoint, receiveHighWaterMark } as const;
    const source = transport.create(options, log.observe);
    cleanups.push(() => source.close());
    return source;
  }

  it('notice a publisher that hangs, and the connection is made again when it goes on', async () => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    const publisher = new PublisherProcess(endpoint, 10);
    cleanups.push(() => publisher.kill());
    await publisher.start();
    const log = new FactLog();
    const source = createSource(endpoint, log);
    let reconnects = 0;
    await source.open(() => {
      reconnects += 1;
    });
    const reader = new SourceReader(source);
    cleanups.push(() => reader.close());
    await reader.texts(20);
    publisher.pause();
    await waitFor(() => peers(log).at(-1) === 0, { what: 'the silence was noticed', every: 10 });
    expect(reasons(log)).toContain('silent');
    expect(reconnects).toBe(0);
    publisher.resume();
    const before = reader.frames.length;
    await waitFor(() => reader.frames.length > before + 20, { what: 'frames came again', every: 10 });
    expect(reconnects).toBe(1);
    expect(peers(log)).toEqual([1, 0, 1]);
  });

  it('notice a connection that the network has forgotten, while new ones work', async () => {
    const port = await freePorts();
    const publisher = await RawPublisher.bind(`tcp://127.0.0.1:${port}`);
    const proxy = await TcpProxy.listen(port);
    cleanups.push(
      () => proxy.close(),
      () => publisher.close(),
    );
    const log = new FactLog();
    const source = createSource(proxy.endpoint, log);
    let reconnects = 0;
    await source.open(() => {
      reconnects += 1;
    });
    const reader = new SourceReader(source);
    cleanups.push(() => reader.close());
    await publisher.subscribed();
    // Long enough to know that this publisher answers.
    await sleep(1_500);
    proxy.freeze();
    await publisher.send('never seen');
    await waitFor(() => reconnects === 1, { what: 'connected again', every: 10 });
    const arrived = () => publisher.send('kv', 'one').then(() => reader.frames.length > 0);
    await waitFor(arrived, { what: 'frames came again', every: 10 });
    expect((await reader.texts(1))[0]).toEqual(['kv', 'one']);
    expect(reasons(log)).toEqual(['silent']);
  });

  it('leave a publisher alone that is silent because its frames are not read', async () => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    const publisher = new PublisherProcess(endpoint, 1);
    cleanups.push(() => publisher.kill());
    await publisher.start();
    const log = new FactLog();
    const source = createSource(endpoint, log, 10);
    await source.open();
    const lists = source.frames()[Symbol.asyncIterator]();
    const seqs: number[] = [];
    const take = async () => {
      const list: readonly Frame[] = (await lists.next()).value ?? [];
      for (const { parts } of list) seqs.push(Number(parts[1]));
    };
    await take();
    // Far longer than the heartbeats' time limit; on this very connection libzmq's would cut it, and frames would be missing.
    await sleep(5_000);
    while (seqs.length < 1_000) await take();
    expect(seqs).toEqual(seqs.map((_, index) => Number(seqs[0]) + index));
    await lists.return?.(undefined);
    expect(reasons(log).filter((reason) => reason !== 'unreachable')).toEqual([]);
    expect(peers(log)).toEqual([1]);
  });

  it('are given up with a publisher that answers none, whose connection is kept', async () => {
    const publisher = await MutePublisher.listen();
    cleanups.push(() => publisher.close());
    const log = new FactLog();
    const source = createSource(publisher.endpoint, log);
    await source.open();
    const reader = new SourceReader(source);
    cleanups.push(() => reader.close());
    await waitFor(() => reasons(log).includes('no_heartbeats'), { what: 'probing ended', every: 10 });
    await waitFor(() => publisher.connections === 1, { what: 'only the connection for frames is left', every: 10 });
    expect(reasons(log)).toEqual(['no_heartbeats']);
    expect(peers(log)).toEqual([1]);
    publisher.send('kv', 'one');
    expect(await reader.texts(1)).toEqual([['kv', 'one']]);
  });

  it('keep no connection after the source was closed', async () => {
    const port = await freePorts();
    const publisher = await RawPublisher.bind(`tcp://127.0.0.1:${port}`);
    const proxy = await TcpProxy.listen(port);
    cleanups.push(
      () => publisher.close(),
      () => proxy.close(),
    );
    const log = new FactLog();
    const source = createSource(proxy.endpoint, log);
    await source.open();
    await publisher.subscribed();
    await waitFor(() => proxy.connections === transport.connections, { what: 'all connections are up', every: 10 });
    await source.close();
    await waitFor(() => proxy.connections === 0, { what: 'all connections are gone', every: 10 });
    // It would have dialled again by now.
    await sleep(1_000);
    expect(proxy.connections).toBe(0);
    expect(reasons(log)).toEqual([]);
    expect(peers(log)).toEqual([1, 0]);
  });
});
