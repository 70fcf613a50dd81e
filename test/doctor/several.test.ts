import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Publisher } from 'zeromq';
import { freePorts } from '../support/ports.ts';
import { startEngine } from './engines.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Takes connections, and never says a word. */
async function mute(): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function http(): Promise<number> {
  const server = createHttp((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function idle(): Promise<number> {
  const [port, publisher] = [await freePorts(), new Publisher()];
  await publisher.bind(`tcp://127.0.0.1:${port}`);
  closers.push(() => publisher.close());
  return port;
}

const connect = (name: string, port: number) => ({ name, connect: `tcp://127.0.0.1:${port}` });

describe('doctor with several faults at once', () => {
  it('finds each, in the order of the configuration, whoever of them hangs', async () => {
    const [gone, kafka, redis] = [await freePorts(), await freePorts(), await mute()];
    const sources = [
      connect('hangs', await mute()),
      connect('gone', gone),
      connect('api', await http()),
      connect('idle', await idle()),
    ];
    const env = {
      SOURCES: JSON.stringify(sources),
      ...{ SINKS: 'redis,kafka', REDIS_URL: `redis://127.0.0.1:${redis}`, KAFKA_BROKERS: `127.0.0.1:${kafka}` },
    };
    const found = await diagnose(['--wait', '500ms'], env);
    const failures = found.findings.filter(({ level }) => level === 'failure');
    expect(failures.map(({ group, code }) => [group.replace(/:.*/, ''), code])).toEqual([
      ['source hangs', 'peer-mute'],
      ['source gone', 'port-closed'],
      ['source api', 'not-zeromq'],
      ['sink redis', 'redis-unreachable'],
      ['sink kafka', 'kafka-unreachable'],
    ]);
    expect(found.codes).toContain('frames-none');
    expect(found.verdict).toMatch(
      /^No events: \S+ takes connections and says nothing; \S+ connection refused, [^;]*; \S+ an HTTP server, not ZeroMQ; and 2 more\.$/,
    );
    expect(found.exitCode).toBe(1);
  });

  it('says that a part works, and nothing of an engine that is only idle', async () => {
    const { port, stop } = await startEngine();
    closers.push(stop);
    const gone = await freePorts();
    const sources = [connect('works', port), connect('gone', gone), connect('idle', await idle())];
    const argv = ['--only', 'sources', '--wait', '3s'];
    const found = await diagnose(argv, { SOURCES: JSON.stringify(sources) });
    expect(found.verdict).toBe(`Works in part: tcp://127.0.0.1:${gone}: connection refused, nobody listens there.`);
    expect(found.exitCode).toBe(1);
    const without = await diagnose(argv, { SOURCES: JSON.stringify([sources[0], sources[2]]) });
    expect(without.verdict).toMatch(/^Works, with a warning: tcp:\S+ connected, and no frame came\.$/);
    expect(without.exitCode).toBe(0);
  });
});
