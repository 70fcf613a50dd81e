import { createCapture } from '../capture/file.ts';
import type { CaptureMeta } from '../capture/meta.ts';
import { CaptureWriter } from '../capture/writer.ts';
import { rankEndpoint } from '../ingress/endpoint.ts';
import type { EngineOptions } from '../simulator/engine.ts';
import { Engine } from '../simulator/engine.ts';
import type { Publishing } from '../simulator/recording.ts';
import { RecordedEngine } from '../simulator/recording.ts';
import type { RunOptions } from '../simulator/run.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { packageVersion } from './version.ts';

/** As a bridge with its usual settings would have received it, from this machine. */
const receiver = { name: 'zmq', endpoint: 'tcp://*:5557', peer: '127.0.0.1' } as const;

/** The capture that the simulated engines write to. */
export class SimulatedCapture {
  readonly #options: SimulateOptions;
  readonly #writer: CaptureWriter;
  #connections = 0;

  private constructor(options: SimulateOptions, writer: CaptureWriter) {
    this.#options = options;
    this.#writer = writer;
  }

  /** Null where none is wanted. Throws a `ConfigError` where there is a file already. */
  static async begin(options: SimulateOptions): Promise<SimulatedCapture | null> {
    const { capture, force, engines } = options;
    if (capture === null) return null;
    const file = await createCapture(capture, force);
    return new SimulatedCapture(options, await CaptureWriter.begin(capture, file, metaOf(engines.length)));
  }

  /** What the run of a rank needs for it. */
  of(rank: number): Required<Pick<RunOptions, 'create' | 'isTimeless'>> {
    return { isTimeless: !this.#options.publishes, create: (options, now) => this.#engine(options, rank, now) };
  }

  async finish(isStopped: boolean): Promise<void> {
    await this.#writer.finish(isStopped ? 'stopped' : 'finished');
  }

  /** Each life of an engine is a connection of its own. */
  #engine(options: EngineOptions, rank: number, now: () => number): Publishing {
    this.#connections += 1;
    const { name: source, peer } = receiver;
    const origin = { source, peer, endpoint: rankEndpoint(receiver.endpoint, rank), connection: this.#connections };
    const { publishes, clockSkew } = this.#options;
    const engine = publishes ? new Engine(options) : null;
    return new RecordedEngine(options, engine, (parts) =>
      this.#writer.add([{ ...origin, parts, receivedAt: now() - clockSkew }]),
    );
  }
}

function metaOf(ranks: number): CaptureMeta {
  const { name, endpoint } = receiver;
  const settings = { sequenceScope: 'rank', identity: 'auto', maxFrameBytes: 16_777_216 } as const;
  const source = { name, mode: 'bind', endpoint, transport: 'zmtp', dataParallelSize: ranks, ...settings } as const;
  return { program: packageVersion(), createdAt: Date.now(), sources: [source] };
}
