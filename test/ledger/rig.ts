import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PublishedLine } from '../../src/simulator/truth.ts';
import { Bridge } from '../e2e/bridge.ts';
import { waitFor } from '../support/services/service.ts';
import type { Account, LedgerRecord } from './account.ts';
import { summary } from './account.ts';
import { publishers } from './campaign.ts';
import { keepLedger } from './ledger.ts';
import { Publisher } from './publisher.ts';
import type { Target } from './target.ts';

let rigs = 0;

/** Publishers with replay sockets, the bridges of one name that connect to them, and the place where records go. */
export class Rig {
  readonly target: Target;
  readonly publishers: readonly Publisher[];
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #bridges: Bridge[] = [];

  private constructor(target: Target, folder: string, fleet: readonly Publisher[], env: Record<string, string>) {
    this.target = target;
    this.publishers = fleet;
    this.#folder = folder;
    this.#env = env;
  }

  /** Starts the publishers; they are silent until a bridge has come. */
  static async make(target: Target, count = publishers): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), 'kv-ledger-'));
    const fleet: Publisher[] = [];
    for (let index = 0; index < count; index += 1)
      fleet.push(await Publisher.make({ folder, pod: `10.0.0.${index + 1}` }));
    const file = join(folder, 'bridge.json');
    writeFileSync(file, JSON.stringify({ sources: fleet.map(({ source }) => source) }));
    for (const publisher of fleet) publisher.start();
    return new Rig(target, folder, fleet, { CONFIG: file });
  }

  /** Engines that dial in to a bound bridge, which asks for replays at the address in their topics: one, on this host. */
  static async makeBound(target: Target, port: number): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), 'kv-ledger-'));
    const one = await Publisher.make({ folder, pod: '127.0.0.1', connect: `tcp://127.0.0.1:${port}` });
    one.start();
    const replay = { REPLAY_ENDPOINT: `tcp://{pod_host}:${one.replayPort}`, REPLAY_ALLOW: '127.0.0.0/8' };
    return new Rig(target, folder, [one], { ZMQ_PORT: String(port), ...replay });
  }

  /** Another process of the same bridge: always the same configuration, `env` beside it. */
  spawn(env: Readonly<Record<string, string>> = {}): Bridge {
    const name = `ledger-${process.pid}-${rigs}`;
    const own = { HTTP_PORT: '0', HTTP_HOST: '127.0.0.1', BRIDGE_NAME: name };
    const bridge = new Bridge('run', { env: { ...own, ...this.#env, ...this.target.env, ...env } });
    this.#bridges.push(bridge);
    return bridge;
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<Bridge> {
    const bridge = this.spawn(env);
    await running(bridge);
    return bridge;
  }

  /** Waits until the sink has what was published when this was called. */
  async caughtUp(timeout = 60_000): Promise<void> {
    let rest = this.publishers.flatMap(({ last }) => last ?? []);
    const check = async () => {
      const records = await this.target.records();
      rest = rest.filter((line) => !records.some((record) => isOf(record, line)));
      return rest.length === 0;
    };
    await waitFor(check, { what: 'the sink has caught up', timeout, every: 200 }).catch(async (error: unknown) => {
      const lacking = rest.map(({ topic, sequence }) => `${topic} ${sequence}`).join(', ');
      const log = this.#bridges.at(-1)?.stderr.split('\n').slice(-30).join('\n');
      const account = summary(await this.account());
      throw new Error(`the sink lacks ${lacking} (${account}); the last bridge said:\n${log}`, { cause: error });
    });
  }

  /** The publishers end in an orderly way, the bridge takes the rest and ends, too; then the books are opened. */
  async conclude(bridge: Bridge): Promise<Account> {
    // While it asks for replays the publishers must still be there to answer.
    await this.caughtUp();
    await Promise.all(this.publishers.map((publisher) => publisher.finish()));
    await this.caughtUp();
    const code = await bridge.stop();
    if (code !== 0) throw new Error(`the bridge ended with ${code}:\n${bridge.stderr}`);
    const { accounting } = bridge.log.at(-1) as {
      accounting?: Record<string, { adds_up: boolean; delivered?: number }>;
    };
    const sinks = Object.values(accounting ?? {});
    // Every batch that came in has an end, and all ends are on record.
    if (sinks.length === 0 || sinks.some(({ adds_up, delivered = 0 }) => !adds_up || delivered === 0))
      throw new Error(`the accounting of the bridge does not add up: ${JSON.stringify(accounting)}`);
    return this.account();
  }

  async account(): Promise<Account> {
    const incarnations = this.publishers.flatMap((publisher) => publisher.incarnations);
    return keepLedger(incarnations, await this.target.records());
  }

  async close(): Promise<void> {
    rigs += 1;
    await Promise.all(this.#bridges.map((bridge) => bridge.stop('SIGKILL')));
    await Promise.all(this.publishers.map((publisher) => publisher.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The time tells incarnations apart. */
function isOf({ topic, seq, ts }: LedgerRecord, line: PublishedLine): boolean {
  return seq === line.sequence && ts === line.ts && topic === line.topic;
}

export async function running(bridge: Bridge): Promise<void> {
  await waitFor(() => bridge.http !== undefined || bridge.child.exitCode !== null, { what: 'the bridge runs' });
  if (bridge.http === undefined) throw new Error(`the bridge did not start:\n${bridge.stderr}`);
}

/** Waits until the bridge has given the sink something since it started. */
export async function delivering(bridge: Bridge): Promise<void> {
  await waitFor(async () => (await bridge.metric('kv_event_bridge_sink_records_delivered_total')) > 0, {
    what: 'records are delivered',
    timeout: 60_000,
  });
}
