import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/core/errors.ts';
import type { Status, StatusQuery } from '../../src/core/status.ts';
import type { HttpServer } from '../../src/http/server.ts';
import { startHttp } from '../../src/http/server.ts';
import { Tap } from '../../src/http/tap.ts';

let state: { ready: boolean; reasons: string[] };
let failure: Error | null;
const servers: HttpServer[] = [];

const asked: StatusQuery[] = [];
const handlers = {
  status: {
    status: (query: StatusQuery = {}) => {
      asked.push(query);
      return { name: 'b' } as Status;
    },
  },
  readiness: () => state,
  metrics: async () => {
    if (failure !== null) throw failure;
    return { body: 'up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' };
  },
  tap: new Tap(),
  tokens: false,
};

beforeEach(() => {
  state = { ready: true, reasons: [] };
  failure = null;
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(host = '127.0.0.1', port = 0): Promise<HttpServer> {
  const server = await startHttp({ host, port }, handlers);
  servers.push(server);
  return server;
}

const portOf = ({ address }: HttpServer) => Number(new URL(address).port);

describe('http', () => {
  it('is alive, ready or not', async () => {
    const { address } = await start();
    state = { ready: false, reasons: ['sink redis: away'] };
    expect((await fetch(`${address}/livez`)).status).toBe(200);
  });

  it('answers /readyz with 200 or 503, and with the reasons', async () => {
    const { address } = await start();
    const good = await fetch(`${address}/readyz`);
    expect([good.status, await good.json()]).toEqual([200, { ready: true, reasons: [] }]);
    state = { ready: false, reasons: ['sink redis: away'] };
    const bad = await fetch(`${address}/readyz`);
    expect([bad.status, await bad.json()]).toEqual([503, { ready: false, reasons: ['sink redis: away'] }]);
  });

  it('answers /metrics as Prometheus wants it', async () => {
    const { address } = await start();
    const answer = await fetch(`${address}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toBe('up 1\n');
    failure = new Error('no metrics');
    expect((await fetch(`${address}/metrics`)).status).toBe(500);
  });

  it('answers /statusz with the state, of as many streams as are asked for', async () => {
    const { address } = await start();
    asked.length = 0;
    for (const query of ['', '?streams=0', '?streams=25&stream=pod-7%2Fa']) {
      const answer = await fetch(`${address}/statusz${query}`);
      expect([answer.status, await answer.json()]).toEqual([200, { name: 'b' }]);
    }
    expect(asked).toEqual([
      { streams: 1_000, stream: '' },
      { streams: 0, stream: '' },
      { streams: 25, stream: 'pod-7/a' },
    ]);
  });

  it.each([
    ['streams=x', 'streams', 'x', /whole number from 0 to 1000000/],
    ['streams=-1', 'streams', '-1', /whole number/],
    ['streams=1000001', 'streams', '1000001', /whole number/],
    ['streams=', 'streams', '', /whole number/],
    ['streams=1&streams=2', 'streams', '1,2', /once/],
    ['stream=a&stream=b', 'stream', 'a,b', /once/],
    ['steams=1', 'steams', '1', /streams=N and stream=TEXT/],
  ])('refuses /statusz?%s and says what to write', async (query, key, value, remedy) => {
    const { address } = await start();
    asked.length = 0;
    const answer = await fetch(`${address}/statusz?${query}`);
    expect(answer.status).toBe(400);
    const said = (await answer.json()) as Record<string, string>;
    expect(said).toMatchObject({ key, value, remedy: expect.stringMatching(remedy) });
    expect(said['error']).toContain(`${key}: "${value}"`);
    expect(said['error']).toContain(said['remedy']);
    expect(asked).toEqual([]);
  });

  it('lists its routes for any other address', async () => {
    const { address } = await start();
    for (const [path, method] of [
      ['/health', 'GET'],
      ['/metrics', 'POST'],
    ] as const) {
      const answer = await fetch(`${address}${path}`, { method });
      expect([answer.status, await answer.json()]).toEqual([
        404,
        { error: 'not found', routes: ['/livez', '/readyz', '/metrics', '/statusz', '/records', '/live', '/'] },
      ]);
    }
  });

  it('says which port is taken and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const error = await start('127.0.0.1', port).catch((thrown: unknown) => thrown);
    other.close();
    expect(error).toBeInstanceOf(BridgeError);
    expect(error).toMatchObject({ code: 'HTTP_LISTEN', message: expect.stringMatching(`${port}.*HTTP_PORT`) });
  });

  it('says when an address is not one of this machine', async () => {
    await expect(start('192.0.2.1')).rejects.toThrow(/no interface has this address: correct http.host/);
  });

  it('listens on IPv4 with ::, and on IPv6 where there is one', async () => {
    const server = await start('::');
    expect((await fetch(`http://127.0.0.1:${portOf(server)}/livez`)).status).toBe(200);
    const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
    if (hasIpv6) expect((await fetch(`http://[::1]:${portOf(server)}/livez`)).status).toBe(200);
  });

  it('closes at once with open connections, idle or in the middle of a request', async () => {
    const server = await startHttp({ host: '127.0.0.1', port: 0 }, handlers);
    const idle = connect(portOf(server), '127.0.0.1');
    const busy = connect(portOf(server), '127.0.0.1');
    for (const socket of [idle, busy]) socket.on('error', () => {});
    await Promise.all([once(idle, 'connect'), once(busy, 'connect')]);
    idle.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
    await once(idle, 'data');
    busy.write('GET /livez HTTP/1.1\r\nHost:');
    const gone = Promise.all([idle, busy].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    await server.close();
    await gone;
    await server.close();
  });
});
