import { afterEach, describe, expect, it } from 'vitest';
import { curveKeyPair, Router } from 'zeromq';
import type { Security } from '../../src/core/security.ts';
import { ZmqReplayClient } from '../../src/ingress/replay-client.ts';
import { ZmqSource } from '../../src/ingress/zmq-source.ts';
import { fromZ85 } from '../../src/wire/z85.ts';
import { freePorts } from '../support/ports.ts';
import { curvePairs, EngineContext } from '../support/security.ts';
import { waitFor } from '../support/services/service.ts';
import { FactLog, RawPublisher, SourceReader } from '../support/zmq.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const pairs = curvePairs();

interface Place {
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  readonly security: Security;
  readonly heartbeatInterval?: number;
}

async function open(place: Place, log = new FactLog()) {
  const common = { name: 'zmq', topics: [''], maxMessageSize: 1_000_000, receiveHighWaterMark: 1_000 };
  const reconnectTimes = { settle: 50, shortest: 20, longest: 100 };
  const source = new ZmqSource({ ...common, ...place, heartbeatTimeout: 200, reconnectTimes }, log.observe);
  await source.open();
  const reader = new SourceReader(source);
  cleanups.push(() => reader.close());
  return { source, reader, log };
}

function dialling(endpoint: string, options: ConstructorParameters<typeof Router>[0] = {}): RawPublisher {
  const publisher = RawPublisher.connect(endpoint, options as object);
  cleanups.push(() => publisher.close());
  return publisher;
}

async function bound(endpoint: string, options: object): Promise<RawPublisher> {
  const publisher = await RawPublisher.bind(endpoint, options);
  cleanups.push(() => publisher.close());
  return publisher;
}

const arrives = (publisher: RawPublisher, reader: SourceReader) =>
  waitFor(() => publisher.send('kv', 'x').then(() => reader.frames.length > 0), { what: 'a frame came', every: 20 });
const troubled = (log: FactLog) =>
  waitFor(() => log.of('source-trouble').length > 0, { what: 'trouble was told', every: 5 });
const anywhere = { endpoint: 'tcp://127.0.0.1:0', mode: 'bind' } as const;
const somewhere = async () => `tcp://127.0.0.1:${await freePorts()}`;

describe('a bound source with CURVE', () => {
  it('lets in every engine that knows its public key', async () => {
    const { source, reader } = await open({ ...anywhere, security: pairs.security });
    await arrives(dialling(source.endpoint, pairs.dials), reader);
  });

  it('lets in those that it allows, and names the key and address of another', async () => {
    const security = { ...pairs.security, allow: [pairs.engine.publicKey] };
    const { source, reader, log } = await open({ ...anywhere, security });
    const stranger = curveKeyPair();
    const own = { curvePublicKey: stranger.publicKey, curveSecretKey: stranger.secretKey };
    dialling(source.endpoint, { ...pairs.dials, ...own });
    await troubled(log);
    expect(log.of('source-trouble')).toEqual([
      {
        ...{ fact: 'source-trouble', source: 'zmq', endpoint: source.endpoint, peer: '127.0.0.1' },
        reason: 'handshake_auth',
        message: `a peer was turned away: its public key ${stranger.publicKey} is not in curveAllow`,
      },
    ]);
    expect(log.of('source-peers')).toEqual([]);
    await arrives(dialling(source.endpoint, pairs.dials), reader);
    expect(log.of('source-peers').map(({ peers }) => peers)).toEqual([1]);
  });

  it('takes an engine in that it refused, once it is allowed', async () => {
    const endpoint = await somewhere();
    const strict = { ...pairs.security, allow: [pairs.bridge.publicKey] };
    const mistaken = await open({ endpoint, mode: 'bind', security: strict });
    const publisher = dialling(endpoint, pairs.dials);
    await troubled(mistaken.log);
    await mistaken.reader.close();
    const mended = await open({ endpoint, mode: 'bind', security: pairs.security });
    await arrives(publisher, mended.reader);
  });

  it.each([
    ['another key of the bridge', { ...pairs.dials, curveServerKey: curveKeyPair().publicKey }],
    ['no security', {}],
    ['a password', { plainUsername: 'u', plainPassword: 'p' }],
  ])('refuses an engine with %s and says what to look at', async (_, options) => {
    const { source, log } = await open({ ...anywhere, security: pairs.security });
    dialling(source.endpoint, options);
    await troubled(log);
    expect(log.of('source-trouble')[0]?.reason).toMatch(/^handshake_/);
    expect(log.of('source-trouble')[0]?.message).toMatch(/does the engine want CURVE/);
    expect(log.of('source-peers')).toEqual([]);
  });
});

describe('a connected source with CURVE', () => {
  it('comes in late: after the engine has let its key in', async () => {
    const guarded = await EngineContext.start(() => false);
    cleanups.push(() => guarded.close());
    const endpoint = await somewhere();
    const publisher = await bound(endpoint, { ...pairs.binds, context: guarded.context, zapDomain: 'engine' });
    const { reader, log } = await open({ endpoint, mode: 'connect', security: pairs.security });
    await waitFor(() => log.of('source-zombie').length >= 2, { what: 'dialled anew, twice', every: 5 });
    expect(log.of('source-trouble')[0]?.reason).toBe('handshake_auth');
    const key = fromZ85(pairs.bridge.publicKey);
    guarded.admits = (mechanism, [given]) => mechanism === 'CURVE' && key?.equals(given as Buffer) === true;
    await arrives(publisher, reader);
  });

  it('comes in after the engine, at first without security, has its keys', async () => {
    const endpoint = await somewhere();
    const before = await RawPublisher.bind(endpoint);
    const { reader, log } = await open({ endpoint, mode: 'connect', security: pairs.security });
    await troubled(log);
    before.close();
    await arrives(await bound(endpoint, pairs.binds), reader);
  });

  it('with another key of the engine says so, and goes on dialling', async () => {
    const endpoint = await somewhere();
    await bound(endpoint, pairs.binds);
    const security = { ...pairs.security, serverKey: curveKeyPair().publicKey };
    const { log } = await open({ endpoint, mode: 'connect', security });
    await waitFor(() => log.of('source-trouble').length > 2, { what: 'several attempts', every: 5 });
    expect(log.of('source-trouble')[0]?.message).toMatch(/is curveServerKey its public key/);
    expect(log.of('source-peers')).toEqual([]);
    expect(JSON.stringify(log.facts)).not.toContain(pairs.bridge.secretKey);
  });

  it('has the keys on its second connection for heartbeats, too', async () => {
    const guarded = await EngineContext.start();
    cleanups.push(() => guarded.close());
    let admitted = 0;
    guarded.admits = (mechanism) => {
      admitted += mechanism === 'CURVE' ? 1 : Number.NaN;
      return true;
    };
    const endpoint = await somewhere();
    await bound(endpoint, { ...pairs.binds, context: guarded.context, zapDomain: 'engine' });
    await open({ endpoint, mode: 'connect', security: pairs.security, heartbeatInterval: 100 });
    await waitFor(() => admitted === 2, { what: 'two connections were let in', every: 5 });
  });
});

describe('a replay socket with CURVE', () => {
  it.each([
    ['answers the right keys', pairs.security, 'end'],
    ['does not answer others', { ...pairs.security, serverKey: curveKeyPair().publicKey }, 'unreachable'],
  ])('%s', async (_, security, end) => {
    const router = new Router({ ...pairs.binds, linger: 0, receiveTimeout: 2_000 });
    cleanups.push(() => router.close());
    const endpoint = await somewhere();
    await router.bind(endpoint);
    const serving = router.receive().then(
      ([identity]) => router.send([identity as Buffer, '', Buffer.alloc(8, 0xff), '']),
      () => undefined,
    );
    const client = new ZmqReplayClient({ maxMessageSize: 1_000_000, timeouts: { connect: 600 } });
    const signal = new AbortController().signal;
    const outcome = await client.attempt({ endpoint, security }, 0n, { maxBytes: 1_000, signal }, () => undefined);
    await serving;
    expect(outcome.end).toBe(end);
  });
});
