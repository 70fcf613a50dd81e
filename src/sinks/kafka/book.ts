import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint } from '../../core/checkpoint.ts';
import { checkpointText } from '../../core/checkpoint.ts';
import type { CheckpointBook, NameState } from '../../core/checkpoint-book.ts';
import { BridgeError, SinkError } from '../../core/errors.ts';
import { Channel } from './channel.ts';
import { CheckpointView } from './checkpoint-log.ts';
import { LeaseWatch } from './lease.ts';
import { LogReader } from './log-reader.ts';
import { NameHolder } from './name-holder.ts';
import type { KafkaParts } from './parts.ts';
import { asSinkError } from './parts.ts';
import { openSession } from './session.ts';

/** How often the checkpoint topic is looked at while it is watched, ms. */
const look = 200;

/** One bridge's name in the checkpoint topic. */
export class KafkaBook implements CheckpointBook {
  readonly #parts: KafkaParts;
  readonly #closing = new AbortController();

  constructor(parts: KafkaParts) {
    this.#parts = parts;
  }

  list(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#run(() => this.#read(async (_, view) => view.held));
  }

  /**
   * No clock is shared: a lease counts until it was watched for its whole time without a renewal. Without one, only a bridge
   * that delivers shows, by checkpoints that move.
   */
  nameState(): Promise<NameState> {
    return this.#run(() =>
      this.#read(async (reader, view) => {
        const { delivery } = this.#parts.config;
        const owner = ownerOf(view);
        const { lease } = view;
        if (lease !== null && !lease.released) return this.#watchLease(reader, view, lease.ttl);
        if (lease !== null && delivery === 'exactly-once')
          return { isHeld: false, evidence: `its lease was released at ${timeOf(lease.at)}; ${owner}` };
        if (delivery === 'exactly-once') return { isHeld: false, evidence: `there is no lease; ${owner}` };
        return this.#watchCheckpoints(reader, view);
      }),
    );
  }

  async put(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    const { bridge, config } = this.#parts;
    const state = await this.nameState();
    if (state.isHeld)
      throw new BridgeError('NAME_HELD', `a bridge with the name "${bridge}" runs: ${state.evidence}; end it first`);
    await this.#run(async () => {
      const isTaken = await this.#read(async (_, view) => view.claims.length > 0);
      if (config.delivery === 'exactly-once' || isTaken) await this.#putAsOwner(stream, checkpoint);
      else await this.#putPlainly(stream, checkpoint);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  /** From the claim on nobody of before can commit. */
  async #putAsOwner(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    const { factory, config, bridge, patience, records } = this.#parts;
    const { checkpointTopic, transactionTimeout: timeout, requestTimeout } = config;
    const transactionalId = `kv-event-bridge.${bridge}`;
    const transactor = { transactionalId, timeout, compression: 0, patience, requestTimeout };
    const options = { bridge, checkpointTopic, transactor };
    const session = await openSession(factory, options, records, new NameHolder(bridge));
    try {
      await session.transactor.run((send) => send(records.replacement(stream, checkpoint, session.partitions), 0));
    } finally {
      await session.transactor.close();
    }
  }

  async #putPlainly(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    const { factory, config, directory, patience, records } = this.#parts;
    const { idempotent, requestTimeout } = config;
    const { partitions } = await directory.facts(config.checkpointTopic);
    const channel = await Channel.open(factory, { idempotent, compression: 0, patience, requestTimeout });
    try {
      const parts = records.replacement(stream, checkpoint, partitions);
      const confirmed = await channel.send(parts);
      if (confirmed.length === parts.length) return;
      throw new SinkError({
        kind: 'transient',
        code: 'UNCONFIRMED',
        message: 'the brokers did not confirm the checkpoint',
      });
    } finally {
      await channel.close();
    }
  }

  async #watchLease(reader: LogReader, view: CheckpointView, ttl: number): Promise<NameState> {
    const watch = new LeaseWatch();
    const { renewals } = view;
    const by = () => `${timeOf(view.lease?.at ?? 0)} by its own clock`;
    while (watch.stateOf(view, ttl, performance.now()) === 'held') {
      if (view.renewals > renewals) return { isHeld: true, evidence: `it has renewed its lease just now (${by()})` };
      await this.#pause();
      await reader.readToEnd('stable', view.take);
    }
    const what = view.lease?.released === true ? 'its lease was released' : `its lease was not renewed for ${ttl} ms`;
    return { isHeld: false, evidence: `${what} (last at ${by()}); ${ownerOf(view)}` };
  }

  async #watchCheckpoints(reader: LogReader, view: CheckpointView): Promise<NameState> {
    const before = textOf(view);
    const watched = 2 * this.#parts.config.checkpointInterval + 500;
    const doubt =
      'with at-least-once a bridge that delivers nothing leaves no sign: make sure that none of this name runs';
    for (const until = performance.now() + watched; performance.now() < until; ) {
      await this.#pause();
      await reader.readToEnd('stable', view.take);
      if (textOf(view) !== before) return { isHeld: true, evidence: 'its checkpoints move' };
    }
    return { isHeld: false, evidence: `its checkpoints did not move for ${watched} ms; ${doubt}` };
  }

  async #pause(): Promise<void> {
    await sleep(look, undefined, { signal: this.#closing.signal });
  }

  async #read<T>(work: (reader: LogReader, view: CheckpointView) => Promise<T>): Promise<T> {
    const { factory, config, patience, bridge } = this.#parts;
    const reader = await LogReader.open(factory, { topic: config.checkpointTopic, patience });
    try {
      const view = new CheckpointView(bridge);
      await reader.readToEnd('stable', view.take);
      return await work(reader, view);
    } finally {
      reader.close();
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof BridgeError ? error : asSinkError(error);
    }
  }
}

function textOf({ held }: CheckpointView): string {
  return [...held].map(([stream, checkpoint]) => `${stream} ${checkpointText(checkpoint)}`).join('\n');
}

function ownerOf({ claims }: CheckpointView): string {
  const started = Math.max(...claims.map(({ owner }) => owner.started));
  return claims.length === 0
    ? 'nobody has ever taken the name'
    : `the name was last taken by who started at ${timeOf(started)}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
