import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PublishedLine, TruthLine } from '../../src/simulator/truth.ts';
import { Program } from '../e2e/bridge.ts';
import { readTruth } from '../e2e/records.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import type { Incarnation } from './account.ts';
import { rate } from './campaign.ts';

export interface PublisherOptions {
  /** Where truth files go. */
  readonly folder: string;
  readonly pod: string;
  /** Where it dials in; absent: it is bound, for bridges that connect. */
  readonly connect?: string;
  /** Its replay port; absent: any free one. */
  readonly replayPort?: number;
}

interface Life {
  readonly program: Program;
  readonly file: string;
  killed: boolean;
}

/** A simulated engine with a replay socket, as a process that can die and begin anew on the same ports. */
export class Publisher {
  readonly pod: string;
  readonly topic: string;
  readonly replayPort: number;
  readonly #port: number;
  readonly #options: PublisherOptions;
  readonly #lives: Life[] = [];

  private constructor(options: PublisherOptions, port: number, replayPort: number) {
    this.pod = options.pod;
    this.topic = `kv@${options.pod}@m`;
    this.replayPort = replayPort;
    this.#port = port;
    this.#options = options;
  }

  static async make(options: PublisherOptions): Promise<Publisher> {
    const port = await freePorts();
    return new Publisher(options, port, options.replayPort ?? (await freePorts()));
  }

  /** Its entry in the `sources` of a bridge that connects. */
  get source() {
    const at = (port: number) => `tcp://127.0.0.1:${port}`;
    return { name: `engine-${this.#port}`, connect: at(this.#port), replay: at(this.replayPort) };
  }

  get incarnations(): readonly Incarnation[] {
    return this.#lives.map(({ file, killed }) => ({ topic: this.topic, lines: truthOf(file), killed }));
  }

  /** The last batch of this life. */
  get last(): PublishedLine | undefined {
    const life = this.#lives.at(-1);
    return life === undefined ? undefined : (truthOf(life.file).at(-1) as PublishedLine | undefined);
  }

  /** Begins (another) life from number 0. It publishes once somebody has subscribed. */
  start(args: readonly string[] = []): void {
    const file = join(this.#options.folder, `${this.pod}-${this.#port}-${this.#lives.length}.truth`);
    const { connect } = this.#options;
    const program = new Program('simulate', {
      args: [
        ...(connect === undefined ? ['--bind', `tcp://127.0.0.1:${this.#port}`] : ['--connect', connect]),
        ...['--replay', `tcp://127.0.0.1:${this.replayPort}`, '--topic', this.topic, '--truth', file],
        ...['--rate', String(rate), '--seed', String(this.#lives.length + 1), '--settle', '30s'],
        ...args,
      ],
    });
    this.#lives.push({ program, file, killed: false });
  }

  async kill(): Promise<void> {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    life.killed = true;
    await life.program.stop('SIGKILL');
  }

  /** Ends as an engine does that has sent all it had; resolves when subscribers have it. */
  async finish(): Promise<void> {
    // One that has only just begun would die of the signal.
    await waitFor(() => this.last !== undefined, { what: `${this.pod} publishes` });
    const program = this.#lives.at(-1)?.program;
    const code = await program?.stop('SIGTERM');
    if (code !== 0) throw new Error(`${this.pod} ended with ${code}: ${program?.stderr}`);
  }

  async publishes(more: number): Promise<void> {
    const number = () => Number(this.last?.sequence ?? -1);
    const from = number();
    await waitFor(() => number() >= from + more, { what: `${this.pod} publishes ${more} more` });
  }
}

function truthOf(file: string): TruthLine[] {
  return existsSync(file) ? readTruth(file) : [];
}
