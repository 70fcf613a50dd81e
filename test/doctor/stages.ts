import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { curveKeyPair, Publisher } from 'zeromq';
import { Bridge } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import { startRedis } from '../support/services/redis.ts';
import { waitFor } from '../support/services/service.ts';
import type { EnginePlan } from './engines.ts';
import { startEngine } from './engines.ts';
import { runDoctor } from './support.ts';

/** Something for `doctor` to look at. */
export interface Stage {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Ports as they are, with those that the page shows in their place. */
  readonly ports: Readonly<Record<number, number>>;
}

type Close = (close: () => unknown) => void;

const local = (port: number) => `127.0.0.1:${port}`;

async function engine(onClose: Close, plan: EnginePlan = {}): Promise<number> {
  const { port, stop } = await startEngine({ engine: { topic: 'kv@pod-0@Qwen/Qwen3-0.6B' }, ...plan });
  onClose(stop);
  return port;
}

/** Each example of docs/doctor.md, by the line above it. */
export const stages: Readonly<Record<string, (onClose: Close) => Promise<Stage>>> = {
  'An engine that works': async (onClose) => {
    const port = await engine(onClose);
    const argv = [local(port), '--replay', local(port + 1)];
    return { argv, ports: { [port]: 5_557, [port + 1]: 5_558 } };
  },
  'The replay port where events were meant': async (onClose) => {
    const port = await engine(onClose);
    return { argv: [local(port + 1)], ports: { [port]: 5_557, [port + 1]: 5_558 } };
  },
  'Both given, and swapped': async (onClose) => {
    const port = await engine(onClose);
    const argv = [local(port + 1), '--replay', local(port)];
    return { argv, ports: { [port]: 5_557, [port + 1]: 5_558 } };
  },
  'A topic filter that fits nothing': async (onClose) => {
    const port = await engine(onClose);
    const argv = [local(port), '--replay', local(port + 1), '--zmq-topics', 'kv@pod-9', '--wait', '1s'];
    return { argv, ports: { [port]: 5_557, [port + 1]: 5_558 } };
  },
  'An engine that is gone': async () => {
    const port = await freePorts(2);
    const argv = [local(port), '--replay', local(port + 1)];
    return { argv, ports: { [port]: 5_557, [port + 1]: 5_558 } };
  },
  'The port of an API': async (onClose) => {
    const server = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onClose(() => server.close());
    const { port } = server.address() as AddressInfo;
    return { argv: [local(port)], ports: { [port]: 8_000 } };
  },
  'A bound source, and no engine that dials in': async () => {
    const port = await freePorts();
    return { argv: ['--only', 'sources', '--zmq-port', String(port), '--wait', '1s'], ports: { [port]: 5_557 } };
  },
  'A bound source, and an engine with encryption': async (onClose) => {
    const port = await freePorts();
    const [server, own] = [curveKeyPair(), curveKeyPair()];
    const keys = { curveServerKey: server.publicKey, curvePublicKey: own.publicKey, curveSecretKey: own.secretKey };
    const publisher = new Publisher(keys);
    onClose(() => publisher.close());
    publisher.connect(`tcp://${local(port)}`);
    return { argv: ['--only', 'sources', '--zmq-port', String(port), '--wait', '1s'], ports: { [port]: 5_557 } };
  },
  'A Redis that is not there': async () => {
    const port = await freePorts();
    const env = { SINKS: 'redis', REDIS_URL: `redis://${local(port)}` };
    return { argv: ['--only', 'sinks'], env, ports: { [port]: 6_379 } };
  },
  'A bridge that runs, and has a wrong password for Redis': async (onClose) => {
    const redis = await startRedis({ password: 'right' });
    onClose(() => redis.remove());
    const [port, http] = [await freePorts(), await freePorts()];
    const env = {
      ...{ SINKS: 'redis', REDIS_URL: `redis://${local(redis.port)}`, REDIS_PASSWORD: 'wrong' },
      ...{ ZMQ_PORT: String(port), HTTP_PORT: String(http), HTTP_HOST: '127.0.0.1' },
      CHECKPOINT_WAIT: '0',
    };
    const bridge = await Bridge.start(env);
    onClose(() => bridge.stop('SIGKILL'));
    await engine(onClose, { dials: port });
    await waitFor(() => bridge.log.some(({ fact }) => fact === 'sink-down'), { what: 'the sink is down' });
    await waitFor(async () => (await bridge.metric('kv_event_bridge_source_frames_total')) > 0, {
      what: 'frames come',
    });
    return { argv: [], env, ports: { [port]: 5_557, [http]: 8_080, [redis.port]: 6_379 } };
  },
};

/** What doctor prints, with the ports that the page shows. */
export async function shown({ argv, env, ports }: Stage): Promise<string> {
  const { stdout } = await runDoctor(argv, env);
  return stdout.replace(/:(\d{4,5})\b/g, (all, port: string) => {
    const other = ports[Number(port)];
    return other === undefined ? all : `:${other}`;
  });
}
