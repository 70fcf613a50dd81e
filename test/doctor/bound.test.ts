import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { curveKeyPair, Dealer, Publisher, Subscriber } from 'zeromq';
import { freePorts } from '../support/ports.ts';
import { startEngine } from './engines.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function engineDialling(port: number): Promise<void> {
  const { stop } = await startEngine({ dials: port, port, engine: { topic: 'kv@p@m' } });
  closers.push(stop);
}

const look = (port: number, wait: string, ...more: readonly string[]) =>
  diagnose(['--only', 'sources', '--zmq-port', String(port), '--wait', wait, ...more]);

describe('doctor on a port that the bridge binds', () => {
  it('free, and nobody dials in', async () => {
    const found = await look(await freePorts(), '200ms');
    expect(found.codes).toEqual(['port-free', 'engines-none', 'replay-none']);
    expect(found.verdict).toMatch(/^No events: .*nobody dialled in\.$/);
  });

  it('engines dial in, and their replay sockets are found by {peer}', async () => {
    const port = await freePorts(2);
    await engineDialling(port);
    const found = await look(port, '5s', '--replay-endpoint', `tcp://{peer}:${port + 1}`);
    expect(found.codes).toEqual(['port-free', 'engines', 'frames', 'stream', 'clock', 'replay']);
    expect(found.findings[1]?.facts).toEqual({ peers: 1, addresses: ['127.0.0.1'] });
    expect(found.exitCode).toBe(0);
  });

  it('an engine that wants CURVE, and one that has a password: refused, and why', async () => {
    const [server, own] = [curveKeyPair(), curveKeyPair()];
    const port = await freePorts();
    const curve = new Publisher({
      ...{ curveServerKey: server.publicKey, curvePublicKey: own.publicKey, curveSecretKey: own.secretKey },
    });
    closers.push(() => curve.close());
    curve.connect(`tcp://127.0.0.1:${port}`);
    const found = await look(port, '3s');
    expect(found.codes).toEqual(['port-free', 'peer-refused', 'engines-refused', 'replay-none']);
    expect(found.findings[1]?.message).toContain('127.0.0.1: the peer wants the security mechanism CURVE');
    expect(found.findings[2]).toMatchObject({ level: 'failure', facts: { mechanism: 'CURVE' } });
    expect(found.verdict).toBe(`No events: tcp://*:${port}: wants CURVE; the source has NULL.`);

    const guarded = await freePorts();
    const plain = new Publisher({ plainUsername: 'engine', plainPassword: 'c4n4ry-S3cret' });
    closers.push(() => plain.close());
    plain.connect(`tcp://127.0.0.1:${guarded}`);
    const other = await look(guarded, '3s');
    expect(other.findings[2]).toMatchObject({ code: 'engines-refused', facts: { mechanism: 'PLAIN' } });
    expect(JSON.stringify(other)).not.toContain('c4n4ry-S3cret');
  });

  it('a client of another kind that dials in is no engine', async () => {
    const port = await freePorts();
    const dealer = new Dealer({ linger: 0 });
    closers.push(() => dealer.close());
    dealer.connect(`tcp://127.0.0.1:${port}`);
    const found = await look(port, '3s');
    expect(found.codes).toEqual(['port-free', 'peer-refused', 'engines-refused', 'replay-none']);
    expect(found.findings[2]?.facts).toEqual({ mechanism: null });
    expect(found.verdict).toMatch(/: whoever dialled in was refused\.$/);
  });

  it('a template that leads nowhere: no engine, and one whose pod may not be asked', async () => {
    const template = ['--replay-endpoint', 'tcp://{pod_host}:5558', '--replay-allow', '10.0.0.0/8'];
    const nobody = await look(await freePorts(), '100ms', ...template);
    expect(nobody.codes).toEqual(['port-free', 'engines-none', 'replay-unasked']);
    const port = await freePorts(2);
    await engineDialling(port);
    const found = await look(port, '5s', ...template);
    expect(found.findings.find(({ code }) => code === 'replay-not-allowed')?.message).toContain(
      'pod "p" is no address',
    );
    expect(found.exitCode).toBe(0);
  });

  it('an address that this machine does not have', async () => {
    const sources = [{ name: 'zmq', bind: `tcp://192.0.2.1:${await freePorts()}` }];
    const found = await diagnose(['--only', 'sources'], { SOURCES: JSON.stringify(sources) });
    expect(found.codes).toEqual(['bind-failed']);
    expect(found.verdict).toMatch(/^No events: tcp:\S+ cannot be bound\.$/);
  });

  it('listens nowhere with --no-bind', async () => {
    const port = await freePorts(2);
    await engineDialling(port);
    expect((await look(port, '3s', '--no-bind')).codes).toEqual(['port-unbound']);
    // Nobody can dial in within no time: that says nothing of the engines.
    expect(await look(port, '0s')).toMatchObject({ codes: ['port-unbound'], exitCode: 0 });
  });

  it('taken, by a program and by a subscriber', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    closers.push(() => server.close());
    const taken = await look((server.address() as AddressInfo).port, '200ms');
    expect(taken.findings[0]).toMatchObject({ code: 'port-taken', facts: { socket: null } });
    expect(taken.findings[0]?.message).toContain(`(process ${process.pid})`);

    const socket = new Subscriber();
    const port = await freePorts();
    await socket.bind(`tcp://127.0.0.1:${port}`);
    closers.push(() => socket.close());
    expect((await look(port, '200ms')).findings[0]).toMatchObject({ code: 'port-held', facts: { socket: 'SUB' } });
  });
});
