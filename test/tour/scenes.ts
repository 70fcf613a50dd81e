import type { Program } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import type { Scene } from './fault.ts';
import type { Stage } from './stage.ts';

interface Plan {
  /** Of the source, in place of those that fit the engine; `port` is that of the events, `port + 1` that of replays. */
  readonly source?: (port: number) => Readonly<Record<string, unknown>>;
  readonly engine?: readonly string[];
  /** Of the bridge; it writes to stdout where nothing else is said. */
  readonly settings?: Scene['env'];
}

/** A bridge that dials one engine. */
export async function dialled(
  stage: Stage,
  { source, engine = [], settings = {} }: Plan,
): Promise<Scene & { readonly engine: Program }> {
  const port = await freePorts(2);
  const [events, replay] = [`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port + 1}`];
  const publisher = stage.engine('--bind', events, '--replay', replay, ...engine);
  const entry = { name: 'engine', connect: events, replay, ...source?.(port) };
  const env = { SOURCES: JSON.stringify([entry]), SINKS: 'stdout', ...settings };
  const bridge = await stage.bridge(env);
  await bridge.ready();
  return { bridge, env, ports: { 5557: port, 5558: port + 1 }, engine: publisher };
}

/** A bridge to which one engine dials in. */
export async function dialledIn(
  stage: Stage,
  settings: Scene['env'],
): Promise<Omit<Scene, 'ports'> & { zmqPort: number }> {
  const zmqPort = await freePorts();
  const env = { ZMQ_PORT: String(zmqPort), ...settings };
  const bridge = await stage.bridge(env);
  stage.engine('--connect', `tcp://127.0.0.1:${zmqPort}`);
  const peers = () => bridge.metric('kv_event_bridge_source_peers');
  await waitFor(async () => (await peers()) === 1, { what: 'the engine has dialled in' });
  return { bridge, env, zmqPort };
}

export const framesArrive = (scene: Scene) =>
  waitFor(async () => (await scene.bridge.metric('kv_event_bridge_source_frames_total')) > 0, {
    what: 'frames arrive',
  });
