import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ZmtpSourceOptions } from '../../../src/ingress/zmtp/zmtp-source.ts';
import { ZmtpSource } from '../../../src/ingress/zmtp/zmtp-source.ts';
import { freePorts } from '../../support/ports.ts';
import { waitFor } from '../../support/services/service.ts';
import { FactLog, SourceReader } from '../../support/zmq.ts';
import { command, frame, greeting, message, ready } from '../../support/zmtp-bytes.ts';
import { ZmtpListener, ZmtpPeer } from '../../support/zmtp-peer.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const dialSoon = { shortest: 20, longest: 100, longestRefusal: 100 };

class Opened {
  readonly log = new FactLog();
  readonly source: ZmtpSource;
  reconnects = 0;

  constructor(options: Partial<ZmtpSourceOptions>) {
    const defaults = { name: 'zmq', endpoint: 'tcp://127.0.0.1:0', mode: 'bind', topics: [''] } as const;
    const all = { ...defaults, maxMessageSize: 1_000_000, reconnectTimes: dialSoon, ...options };
    this.source = new ZmtpSource(all, this.log.observe);
    cleanups.push(() => this.source.close());
  }

  get port(): number {
    return Number(this.source.endpoint.split(':').at(-1));
  }

  get peers(): readonly number[] {
    return this.log.of('source-peers').map((fact) => fact.peers);
  }

  get troubles() {
    return this.log.of('source-trouble').map(({ reason, peer }) => ({ reason, peer }));
  }

  async trouble(reason: string): Promise<void> {
    await waitFor(() => this.troubles.some((trouble) => trouble.reason === reason), { what: reason, every: 5 });
  }

  read(): SourceReader {
    const reader = new SourceReader(this.source);
    cleanups.push(() => reader.close());
    return reader;
  }
}

async function open(options: Partial<ZmtpSourceOptions> = {}): Promise<Opened> {
  const opened = new Opened(options);
  await opened.source.open(() => {
    opened.reconnects += 1;
  });
  return opened;
}

async function publisher(opened: Opened, minor = 1): Promise<ZmtpPeer> {
  const peer = await ZmtpPeer.publisher(opened.port, minor);
  cleanups.push(() => peer.end());
  return peer;
}

describe('a bound source and peers that', () => {
  it.each([0, 1])(
    'speak ZMTP 3.%i: takes their messages, with their address and the number of their connection',
    async (minor) => {
      const opened = await open();
      const reader = opened.read();
      for (const text of ['a', 'b']) {
        const peer = await publisher(opened, minor);
        peer.write(message('kv', text));
        await reader.texts(text === 'a' ? 1 : 2);
      }
      expect(reader.frames.map(({ peer, connection }) => ({ peer, connection }))).toEqual([
        { peer: '127.0.0.1', connection: 1 },
        { peer: '127.0.0.1', connection: 2 },
      ]);
    },
  );

  it.each([
    ['no ZMTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'handshake_protocol'],
    ['ZMTP 2', greeting().fill(1, 10, 11).subarray(0, 12), 'handshake_protocol'],
    ['another mechanism', greeting({ mechanism: 'PLAIN' }), 'handshake_protocol'],
    ['another socket type', Buffer.concat([greeting(), ready('PUSH')]), 'rejected'],
    ['an ERROR', Buffer.concat([greeting(), command('ERROR', '\x03400')]), 'handshake_auth'],
    ['a reserved flag', Buffer.concat([greeting(), ready(), frame(0x80, 'x')]), 'protocol_error'],
    [
      'too large a message',
      Buffer.concat([greeting(), ready(), message(Buffer.alloc(1_000_001))]),
      'message_too_large',
    ],
  ])('send %s: ends the connection, names the peer, and serves others on', async (_, bytes, reason) => {
    const opened = await open();
    const reader = opened.read();
    const good = await publisher(opened);
    const bad = await ZmtpPeer.dial(opened.port);
    bad.write(bytes);
    await bad.closed();
    await opened.trouble(reason);
    expect(opened.troubles).toEqual([{ reason, peer: '127.0.0.1' }]);
    good.write(message('kv'));
    expect(await reader.texts(1)).toEqual([['kv']]);
  });

  it('say nothing, or half a greeting: ends them when the time for the handshake is over', async () => {
    const opened = await open({ handshakeTimeout: 100 });
    const silent = await ZmtpPeer.dial(opened.port);
    const slow = await ZmtpPeer.dial(opened.port);
    slow.write(greeting().subarray(0, 20));
    await Promise.all([silent.closed(), slow.closed()]);
    await waitFor(() => opened.troubles.length === 2, { what: 'both were told of', every: 5 });
    expect(new Set(opened.troubles.map(({ reason }) => reason))).toEqual(new Set(['handshake_failed']));
    expect(opened.peers).toEqual([]);
  });

  it('only look whether the port is open are no trouble; those that leave in the handshake are', async () => {
    const opened = await open();
    const check = await ZmtpPeer.dial(opened.port);
    check.end();
    const leaver = await ZmtpPeer.dial(opened.port);
    leaver.write(greeting());
    await leaver.gets(command('READY').subarray(2));
    leaver.end();
    await opened.trouble('handshake_failed');
    expect(opened.troubles).toHaveLength(1);
  });

  it.each([
    ['in total', { total: 2, perAddress: 9 }],
    ['from one address', { total: 9, perAddress: 2 }],
  ])('are too many %s: turns the next one away until others have left', async (_, limits) => {
    const opened = await open({ limits });
    const fill = async () => {
      const pair = [await publisher(opened), await publisher(opened)];
      const next = await ZmtpPeer.dial(opened.port);
      await next.closed();
      return pair;
    };
    const refusal = { reason: 'too_many_connections', peer: '127.0.0.1' };
    const [first, second] = await fill();
    expect(opened.troubles).toEqual([refusal]);
    first?.end();
    second?.end();
    await waitFor(() => opened.peers.at(-1) === 0, { what: 'both have left', every: 5 });
    await fill();
    expect(opened.troubles).toEqual([refusal, refusal]);
    expect(opened.peers).toEqual([1, 2, 1, 0, 1, 2]);
  });

  it.each([
    ['in total', { total: 2, perAddress: 9 }],
    ['from one address', { total: 9, perAddress: 2 }],
  ])('take all places %s without a handshake: the oldest makes room for an engine', async (_, limits) => {
    const opened = await open({ limits, handshakeTimeout: 600_000 });
    const strangers = [await ZmtpPeer.dial(opened.port), await ZmtpPeer.dial(opened.port)];
    for (const stranger of strangers) {
      await publisher(opened);
      await stranger.closed();
    }
    expect(opened.peers).toEqual([1, 2]);
    expect(opened.troubles.map(({ reason }) => reason)).toEqual(['handshake_failed', 'handshake_failed']);
    await (await ZmtpPeer.dial(opened.port)).closed();
    expect(opened.troubles.at(-1)?.reason).toBe('too_many_connections');
  });

  it('begin messages that are too large together: ends the one that goes too far, and its room is free again', async () => {
    const opened = await open({ limits: { unfinished: 200_000 } });
    const reader = opened.read();
    const large = message('kv', Buffer.alloc(150_000));
    const patient = await publisher(opened);
    patient.write(large.subarray(0, 100_000));
    for (let round = 1; round <= 3; round += 1) {
      const greedy = await publisher(opened);
      greedy.write(large.subarray(0, 149_000));
      await greedy.closed();
      await waitFor(() => opened.troubles.length === round, { what: 'it was told of', every: 5 });
    }
    expect(new Set(opened.troubles.map(({ reason }) => reason))).toEqual(new Set(['message_too_large']));
    patient.write(large.subarray(100_000));
    await reader.texts(1);
    for (let round = 2; round < 6; round += 1) {
      patient.write(large);
      await reader.texts(round);
    }
  });

  it('ask with PING get their answer although nobody reads frames', async () => {
    const opened = await open();
    const peer = await publisher(opened);
    peer.write(command('PING', '\0\x0acontext'));
    await peer.gets(command('PONG', 'context'));
  });

  it('ask and ask and read no answer: ends them', async () => {
    const opened = await open();
    const peer = await publisher(opened);
    peer.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => command('PING', `\0\0${'x'.repeat(16)}`)));
    const sending = setInterval(() => peer.write(...Array.from({ length: 50 }, () => pings)), 1);
    cleanups.push(() => clearInterval(sending));
    await opened.trouble('protocol_error');
    clearInterval(sending);
    peer.end();
  });

  it('send their messages and leave at once: every message is kept', async () => {
    const opened = await open();
    const peer = await publisher(opened);
    peer.write(...Array.from({ length: 5_000 }, (_, seq) => message('kv', String(seq))));
    peer.socket.end();
    const reader = opened.read();
    const texts = await reader.texts(5_000);
    expect(texts.map(([, seq]) => seq)).toEqual(Array.from({ length: 5_000 }, (_, seq) => String(seq)));
  });
});

describe('a reader that is slow', () => {
  it('pauses what it does not take, takes from all connections in turn, and misses nothing', async () => {
    const opened = await open();
    const flooder = await publisher(opened);
    const modest = await publisher(opened);
    const count = 300_000;
    const ping = command('PING', '\0\0here');
    flooder.write(message('flood'), ping, Buffer.concat(Array.from({ length: count - 1 }, () => message('flood'))));
    modest.write(message('modest'), ping);
    // Each has brought something before anybody reads.
    for (const peer of [flooder, modest]) await peer.gets(command('PONG', 'here'));
    const frames = opened.source.frames()[Symbol.asyncIterator]();
    const [counts, topics] = [[] as number[], [] as string[]];
    for (let taken = 0; taken < count + 1; ) {
      const list = (await frames.next()).value ?? [];
      taken += list.length;
      counts.push(list.length);
      topics.push(String(list[0]?.parts[0]));
    }
    await frames.return(undefined);
    expect(Math.max(...counts)).toBeLessThanOrEqual(512);
    expect(topics.indexOf('modest')).toBeLessThan(2);
  });

  it('holds what came before it stopped reading, and gives it in order, also of an engine that has hung up', async () => {
    const opened = await open();
    const peer = await publisher(opened);
    const ping = (data: string) => command('PING', `\0\0${data}`);
    peer.write(message('one'), ping('here'));
    await peer.gets(command('PONG', 'here'));
    // The second is read beside the first, and the last not before both are taken.
    peer.write(message('two'), ping('there'));
    await sleep(50);
    peer.write(message('three'));
    peer.socket.end();
    await sleep(50);
    const frames = opened.source.frames()[Symbol.asyncIterator]();
    const topics: string[] = [];
    for (let taken = await frames.next(); taken.done !== true; taken = await frames.next()) {
      topics.push(...taken.value.map(({ parts }) => String(parts[0])));
      if (topics.length >= 3) break;
    }
    expect(topics).toEqual(['one', 'two', 'three']);
    await peer.gets(command('PONG', 'there'));
    await frames.return(undefined);
  });

  it('takes what an engine sent that is gone by then', async () => {
    const opened = await open();
    const peer = await publisher(opened);
    peer.write(message('last words'));
    peer.socket.end();
    await waitFor(() => opened.peers.at(-1) === 0, { what: 'the end of the connection', every: 5 });
    const frames = opened.source.frames()[Symbol.asyncIterator]();
    const { value } = await frames.next();
    expect((value ?? []).map(({ parts }) => String(parts[0]))).toEqual(['last words']);
    await frames.return(undefined);
  });

  it('makes the publisher hold the rest', async () => {
    const opened = await open({ maxMessageSize: 10_000_000 });
    const peer = await publisher(opened);
    const payload = message(Buffer.alloc(100_000));
    for (let i = 0; i < 400; i += 1) peer.write(payload);
    const frames = opened.source.frames()[Symbol.asyncIterator]();
    await frames.next();
    // Once the kernel's buffers are full nothing moves: what is still to be written stays.
    let last = -1;
    await waitFor(
      () => {
        const stands = peer.socket.writableLength === last;
        last = peer.socket.writableLength;
        return stands;
      },
      { what: 'nothing moves any more', every: 300 },
    );
    expect(last).toBeGreaterThan(20_000_000);
    for (let taken = 1; taken < 400; taken += (await frames.next()).value?.length ?? 0);
    expect(peer.socket.writableLength).toBe(0);
    await frames.return(undefined);
  });
});

describe('heartbeats', () => {
  const beats = { heartbeatInterval: 40, heartbeatTimeout: 120 };

  it('find an engine that dialled in, answered, and then hangs; its connection is ended', async () => {
    const opened = await open(beats);
    const peer = await publisher(opened);
    await peer.gets(command('PING', '\0\0'));
    peer.write(command('PONG'));
    await peer.closed();
    expect(opened.troubles).toEqual([{ reason: 'silent', peer: '127.0.0.1' }]);
    expect(opened.peers).toEqual([1, 0]);
  });

  it('leave an engine alone that answers, and one that sends', async () => {
    const opened = await open(beats);
    const reader = opened.read();
    const answering = await publisher(opened);
    const sending = await publisher(opened);
    await sending.gets(command('PING', '\0\0'));
    sending.write(command('PONG'));
    let answers = 0;
    const timer = setInterval(() => {
      sending.write(message('kv'));
      if (!answering.received.includes('PING')) return;
      answering.received = Buffer.alloc(0);
      answers += 1;
      answering.write(command('PONG'));
    }, 10);
    cleanups.push(() => clearInterval(timer));
    await waitFor(() => answers > 8 && reader.frames.length > 40, { what: 'many heartbeats', every: 10 });
    expect(opened.troubles).toEqual([]);
    expect(opened.peers).toEqual([1, 2]);
  });

  it('are not for an engine that has never answered any; it is told once', async () => {
    const opened = await open(beats);
    const reader = opened.read();
    const [first, second] = [await publisher(opened), await publisher(opened)];
    await opened.trouble('no_heartbeats');
    first.write(message('a'));
    await reader.texts(1);
    second.write(message('b'));
    await reader.texts(2);
    expect(opened.troubles).toEqual([{ reason: 'no_heartbeats', peer: '127.0.0.1' }]);
  });

  it('are not sent to an engine of ZMTP 3.0 that dials in, and nothing is said of it', async () => {
    const opened = await open(beats);
    const old = await publisher(opened, 0);
    const young = await publisher(opened, 1);
    await young.gets(command('PING', '\0\0'));
    expect(old.received.includes('PING')).toBe(false);
    young.write(command('PONG'));
    await young.closed();
    expect(opened.troubles.map(({ reason }) => reason)).toEqual(['silent']);
    expect(old.isClosed).toBe(false);
  });

  it('judge nobody whose frames are not read', async () => {
    const opened = await open(beats);
    const peer = await publisher(opened);
    const control = await publisher(opened);
    for (const each of [peer, control]) {
      await each.gets(command('PING', '\0\0'));
      each.write(command('PONG'));
    }
    peer.write(message('kv'));
    await control.closed();
    expect(peer.isClosed).toBe(false);
    expect(opened.troubles).toHaveLength(1);
  });
});

describe('a connected source', () => {
  const connect = (port: number, options: Partial<ZmtpSourceOptions> = {}) =>
    open({ mode: 'connect', endpoint: `tcp://127.0.0.1:${port}`, ...options });

  async function listen(port?: number, host?: string): Promise<ZmtpListener> {
    const listener = await ZmtpListener.listen(port, host);
    cleanups.push(() => listener.close());
    return listener;
  }

  it('tries all addresses of a name', async () => {
    // localhost is ::1 and 127.0.0.1 on most machines; where it is one of them, this is trivially so.
    const listener = await listen(0, '127.0.0.1');
    const opened = await open({ mode: 'connect', endpoint: `tcp://localhost:${listener.port}` });
    await (await listener.peer(0)).shake();
    await waitFor(() => opened.peers.at(-1) === 1, { what: 'connected', every: 5 });
  });

  it('says that a name does not resolve, once, and tries on until it is closed', async () => {
    const opened = await open({ mode: 'connect', endpoint: 'tcp://no-such-host.invalid:5557' });
    await opened.trouble('unreachable');
    expect(opened.log.of('source-trouble')[0]?.message).toMatch(/no-such-host\.invalid/);
    await opened.source.close();
    expect(opened.troubles).toHaveLength(1);
  });

  it('tells of each new connection but the first, and hands on all of the old one before the new', async () => {
    const listener = await listen();
    const opened = await connect(listener.port);
    const first = await listener.peer(0);
    await first.shake();
    first.write(...Array.from({ length: 2_000 }, (_, seq) => message('1', String(seq))));
    first.socket.end();
    const reader = opened.read();
    const second = await listener.peer(1);
    await second.shake();
    expect(opened.reconnects).toBe(1);
    second.write(message('2', '0'));
    const texts = await reader.texts(2_001);
    expect(texts.map(([life, seq]) => Number(life) * 10_000 + Number(seq))).toEqual([
      ...Array.from({ length: 2_000 }, (_, seq) => 10_000 + seq),
      20_000,
    ]);
    expect(opened.peers).toEqual([1, 0, 1]);
  });

  it('dials less and less often a peer that it has to refuse, and recovers', async () => {
    const listener = await listen();
    const opened = await connect(listener.port, { random: () => 0.999 });
    for (let number = 0; number < 4; number += 1) (await listener.peer(number)).write(greeting(), ready('PUSH'));
    const good = await listener.peer(4);
    await good.shake();
    await waitFor(() => opened.peers.at(-1) === 1, { what: 'connected', every: 5 });
    expect(opened.troubles.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
    expect(opened.reconnects).toBe(0);
  });

  it('dials no more after stop, and its connection is gone after close', async () => {
    const listener = await listen();
    const opened = await connect(listener.port);
    const peer = await listener.peer(0);
    await peer.shake();
    opened.source.stop();
    peer.end();
    await waitFor(() => opened.peers.at(-1) === 0, { what: 'lost', every: 5 });
    await opened.source.close();
    expect(listener.peers).toHaveLength(1);
    expect(opened.reconnects).toBe(0);
  });

  it('says once that it is unreachable where a proxy takes the connection and ends it', async () => {
    const listener = await listen();
    const opened = await connect(listener.port);
    for (let number = 0; number < 4; number += 1) (await listener.peer(number)).end();
    expect(opened.troubles).toEqual([{ reason: 'unreachable', peer: undefined }]);
  });

  it('has no number of a connection in its frames', async () => {
    const listener = await listen(await freePorts());
    const opened = await connect(listener.port);
    const reader = opened.read();
    const peer = await listener.peer(0);
    await peer.shake();
    peer.write(message('kv'));
    await reader.texts(1);
    expect(reader.frames[0]).toMatchObject({ peer: '127.0.0.1', connection: null });
  });
});
