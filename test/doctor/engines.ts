import { connect } from 'node:net';
import { runEngine } from '../../src/simulator/run.ts';
import { scenario } from '../../src/simulator/scenario.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';

export interface EnginePlan {
  /** In place of what a usual engine has. */
  readonly engine?: Readonly<Record<string, unknown>>;
  /** Of its clock, milliseconds. */
  readonly skew?: number;
  readonly rate?: number;
  /** Where it dials in; it binds unless told. */
  readonly dials?: number;
  /** Of its events and, one above, of its replays. */
  readonly port?: number;
}

export interface RunningEngine {
  /** Of its events, where it binds; replays are one above. */
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** A simulated engine with a replay socket, which is there when this resolves. */
export async function startEngine(plan: EnginePlan = {}): Promise<RunningEngine> {
  const { engine, skew = 0, rate = 50, dials } = plan;
  const port = plan.port ?? (await freePorts(2));
  const ends = new AbortController();
  const running = runEngine(
    {
      engine: {
        endpoint: `tcp://127.0.0.1:${dials ?? port}`,
        bind: dials === undefined,
        replay: `tcp://127.0.0.1:${port + 1}`,
        topic: 'kv@10.0.0.5@org/m',
        ...engine,
      },
      ...{ rank: 0, rate, count: 0, settle: 0, hold: 0, truth: null, now: () => Date.now() + skew },
      steps: scenario('mixed', { seed: 1, encoding: 'map', hash: 'int' }),
    },
    ends.signal,
  );
  // The replay socket is bound last.
  await waitFor(() => takesConnections(port + 1), { what: 'the engine is there', every: 10 });
  const stop = async () => {
    ends.abort();
    await running;
  };
  return { port, stop };
}

export function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  return new Promise((resolve) => {
    const settle = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.on('connect', () => settle(true)).on('error', () => settle(false));
  });
}
