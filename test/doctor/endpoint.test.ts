import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Dealer } from 'zeromq';
import { curveKeyPair, Publisher, Reply, Router, Subscriber, Dealer as ZmqDealer } from 'zeromq';
import { freePorts } from '../support/ports.ts';
import { command, greeting, message } from '../support/zmtp-bytes.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type AnySocket = Publisher | Router | Subscriber | Reply | Dealer;

async function bound<S extends AnySocket>(socket: S, port?: number): Promise<number> {
  const chosen = port ?? (await freePorts());
  await socket.bind(`tcp://127.0.0.1:${chosen}`);
  closers.push(() => socket.close());
  return chosen;
}

async function serving(onSocket: (socket: Socket) => void): Promise<number> {
  return listening(createServer(onSocket));
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const look = (port: number, ...more: readonly string[]) => diagnose([`127.0.0.1:${port}`, '--wait', '300ms', ...more]);

describe('doctor tells who answers', () => {
  it('a publisher without events: connected and idle, no failure', async () => {
    const found = await look(await bound(new Publisher()));
    expect(found.codes).toEqual(['publisher', 'frames-none', 'replay-none']);
    expect(found).toMatchObject({ exitCode: 0, ok: true });
    expect(found.verdict).toMatch(/^No events so far: tcp:\/\/127/);
    // Without waiting nobody can say so.
    const brief = await look(await bound(new Publisher()), '--wait', '0s');
    expect(brief).toMatchObject({ codes: ['publisher', 'replay-none'], verdict: 'Works.' });
  });

  it.each([
    ['replay-port', () => new Router()],
    ['other-subscriber', () => new Subscriber()],
    ['other-socket', () => new Reply()],
    ['other-socket', () => new ZmqDealer()],
  ] as const)('%s', async (code, make) => {
    const found = await look(await bound<AnySocket>(make()));
    expect(found.codes).toEqual([code]);
    expect(found).toMatchObject({ exitCode: 1, ok: false });
    expect(found.verdict).toMatch(/^No events: /);
  });

  it('one that wants CURVE', async () => {
    const { secretKey } = curveKeyPair();
    const found = await look(await bound(new Publisher({ curveServer: true, curveSecretKey: secretKey })));
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'CURVE' } });
  });

  it('one that wants PLAIN', async () => {
    const found = await look(await bound(new Publisher({ plainServer: true })));
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'PLAIN' } });
  });

  it('an HTTP server', async () => {
    const found = await look(await listening(createHttp((_, response) => response.end('hello'))));
    expect(found.findings[0]).toMatchObject({ code: 'not-zeromq', facts: { like: 'an HTTP server' } });
  });

  it('a server that says nothing, and one that hangs up', async () => {
    expect((await look(await serving((socket) => socket.on('error', () => {})))).codes).toEqual(['peer-mute']);
    expect((await look(await serving((socket) => socket.destroy()))).codes).toEqual(['peer-hangs-up']);
  });

  it.each([
    ['old-zmtp', Buffer.from('ff00000000000000017f0100', 'hex')],
    ['handshake-failed', Buffer.concat([greeting(), command('ERROR', '\x09forbidden')])],
    ['handshake-failed', Buffer.concat([greeting(), message('too', 'early')])],
  ])('%s', async (code, said) => {
    const port = await serving((socket) => socket.on('error', () => {}).write(said));
    const found = await look(port);
    expect(found.codes).toEqual([code]);
    expect(found.exitCode).toBe(1);
  });

  it('a path that is not there, and one where an engine publishes', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'kv-doctor-')), 'events');
    const missing = await diagnose([`ipc://${path}`, '--wait', '300ms']);
    expect(missing.codes).toEqual(['ipc-missing']);
    expect(missing.exitCode).toBe(1);
    const publisher = new Publisher();
    await publisher.bind(`ipc://${path}`);
    closers.push(() => publisher.close());
    expect((await diagnose([`ipc://${path}`, '--wait', '300ms'])).codes).toEqual(['frames-none']);
  });

  it('a further publisher beside it', async () => {
    const port = await freePorts(2);
    await bound(new Publisher(), port);
    await bound(new Publisher(), port + 1);
    const more = (await look(port)).findings.find(({ code }) => code === 'more-ranks');
    expect(more).toMatchObject({ level: 'note', facts: { port: port + 1 } });
  });

  it('Redis by what it says', async () => {
    const port = await serving((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (data.includes('GET')) socket.write('-NOAUTH Authentication required.\r\n');
      });
    });
    expect((await look(port)).findings[0]).toMatchObject({ code: 'not-zeromq', facts: { like: 'Redis' } });
  });

  it('a closed port, and the publisher beside it', async () => {
    const port = await freePorts(2);
    await bound(new Publisher(), port);
    const found = await look(port + 1);
    expect(found.codes).toEqual(['port-closed', 'publisher-nearby']);
    expect(found.findings[1]).toMatchObject({ facts: { port } });
  });

  it('a ROUTER where events are asked for, and the publisher beside it', async () => {
    const port = await freePorts(2);
    await bound(new Publisher(), port);
    await bound(new Router(), port + 1);
    expect((await look(port + 1)).codes).toEqual(['replay-port', 'publisher-nearby']);
  });

  it('a name without an address', async () => {
    const found = await diagnose(['no-such-engine.invalid:5557', '--wait', '300ms']);
    expect(found.codes).toEqual(['name-unknown']);
  });

  it('ranks whose ports collide', async () => {
    const port = await freePorts(2);
    await bound(new Publisher(), port);
    await bound(new Publisher(), port + 1);
    const sources = [
      { name: 'e', connect: `tcp://127.0.0.1:${port}`, replay: `tcp://127.0.0.1:${port + 1}`, dataParallelSize: 2 },
    ];
    const found = await diagnose(['--wait', '300ms', '--only', 'sources'], { SOURCES: JSON.stringify(sources) });
    const collision = found.findings.find(({ code }) => code === 'ranks-collide');
    expect(collision?.facts).toEqual({ ports: [port + 1], answers: [`${port + 1}: a PUB`] });
    expect(found.codes).toContain('replay-is-publisher');
    expect(found.exitCode).toBe(1);
  });
});
