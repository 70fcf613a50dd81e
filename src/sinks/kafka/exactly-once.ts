import type { RecordBatch } from '../../core/batch.ts';
import type { Checkpoint, Held, Position } from '../../core/checkpoint.ts';
import { comparePositions } from '../../core/checkpoint.ts';
import { SinkError } from '../../core/errors.ts';
import type { Sink, WriteOutcome } from '../../core/sink.ts';
import type { LeaseValue } from './checkpoint-log.ts';
import type { Part } from './chunks.ts';
import { chunksOf } from './chunks.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Entry } from './entries.ts';
import { recordsOf } from './entries.ts';
import { judge } from './errors.ts';
import { KafkaLease } from './lease.ts';
import { LogReader } from './log-reader.ts';
import { NameHolder } from './name-holder.ts';
import { smaller } from './narrow.ts';
import type { KafkaParts } from './parts.ts';
import { asSinkError } from './parts.ts';
import type { Session } from './session.ts';
import { openSession } from './session.ts';
import type { Send } from './transactor.ts';
import { Turns } from './turns.ts';

/** What one transaction holds. */
interface Load {
  readonly entries: readonly Entry[];
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
}

/**
 * One transaction per write: records, dead letters and checkpoints become visible together. After any error the session is
 * gone, and the next one says what was committed (see `session.ts`).
 */
export class ExactlyOnceSink implements Sink {
  readonly lease: KafkaLease;
  readonly #parts: KafkaParts;
  readonly #holder: NameHolder;
  readonly #deadLetters: DeadLetters;
  readonly #turns = new Turns();
  #session: Session | null = null;
  #isClosed = false;

  constructor(parts: KafkaParts) {
    this.#parts = parts;
    this.#holder = new NameHolder(parts.bridge);
    this.#deadLetters = new DeadLetters(parts.observe);
    this.lease = new KafkaLease({
      bridge: parts.bridge,
      owner: this.#holder.owner.instance,
      open: () => this.#openLog(),
      put: (value, ifHeld) => this.#turns.run(() => this.#putLease(value, ifHeld)),
    });
  }

  connect(): Promise<Held> {
    this.lease.stopWatching();
    return this.#turns.run(async () => {
      this.#drop();
      this.#holder.check();
      await this.#parts.checkTopics();
      const { held } = await this.#ready();
      return new Map(held);
    });
  }

  write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    return this.#turns.run(() => this.#write(batches));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.lease.stopWatching();
    const session = this.#session;
    this.#session = null;
    await session?.transactor.close();
  }

  async #write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    const whole = await this.#attempt(batches, false);
    if (whole !== 'refused') return whole;
    // The refused send went to several partitions: which of them took it is not known. Now one after the other.
    const singly = await this.#attempt(batches, true);
    if (singly !== 'refused') return singly;
    throw new SinkError({ kind: 'reopen', code: 'INVALID_RECORD', message: 'a record was refused and not found' });
  }

  async #attempt(batches: readonly RecordBatch[], singly: boolean): Promise<WriteOutcome | 'refused'> {
    const session = await this.#ready();
    const lacking = lackingOf(batches, session.held);
    // A batch is written as a whole or not at all.
    const { entries, failure, stop } = await this.#parts.planner.plan(recordsOf(lacking));
    const written = stop === undefined ? batches : batches.slice(0, batches.indexOf(stop));
    const load = { entries: entries.filter(({ batch }) => batch !== stop), checkpoints: reachedBy(lacking, stop) };
    try {
      if (load.checkpoints.size > 0) await this.#commit(session, load, singly);
    } catch (error) {
      if (!singly && judge(error).class === 'record') return 'refused';
      throw this.#failure(error);
    }
    if (failure === null) return this.#deadLetters.outcomeOf(batches);
    this.#parts.directory.forget();
    throw asSinkError(failure, written.length);
  }

  async #commit(session: Session, load: Load, singly: boolean): Promise<void> {
    try {
      const sent = await session.transactor.run((send) => this.#fill(send, load, { session, singly }));
      for (const [stream, checkpoint] of load.checkpoints) session.held.set(stream, checkpoint);
      this.#deadLetters.confirmed(sent);
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  /** Sends all of it; returns the entries as they were sent. */
  async #fill(
    send: Send,
    { entries, checkpoints }: Load,
    { session, singly }: { session: Session; singly: boolean },
  ): Promise<readonly Entry[]> {
    const { planner, records, maxPartRecords } = this.#parts;
    const sent: Entry[] = [];
    for (const { parts } of chunksOf(entries, maxPartRecords, planner.limitOf)) {
      if (!singly) await send(parts);
      else for (const part of parts) sent.push(...(await this.#sendNarrowing(send, part)));
    }
    // Never compressed: whoever reads them must not need the codec.
    for (const parts of records.checkpoints(checkpoints, session.partitions)) await send(parts, 0);
    return singly ? sent : entries;
  }

  /** A send to a single partition that was refused has written nothing, so the transaction may go on. */
  async #sendNarrowing(send: Send, part: Part): Promise<readonly Entry[]> {
    try {
      await send([part]);
      return part.entries;
    } catch (error) {
      const verdict = judge(error);
      if (verdict.class !== 'record') throw error;
      const sent: Entry[] = [];
      for (const one of await smaller(part, verdict, this.#parts.planner.bury)) {
        sent.push(...(await this.#sendNarrowing(send, one)));
      }
      return sent;
    }
  }

  /** Takes the name and reads what is held, where that is not so already. */
  async #ready(): Promise<Session> {
    if (this.#isClosed) throw closed();
    if (this.#session !== null) return this.#session;
    const { factory, config, bridge, compression, patience, records } = this.#parts;
    const { checkpointTopic, transactionTimeout: timeout, requestTimeout } = config;
    const transactionalId = `kv-event-bridge.${bridge}`;
    const transactor = { transactionalId, timeout, compression, patience, requestTimeout };
    try {
      const session = await openSession(factory, { bridge, checkpointTopic, transactor }, records, this.#holder);
      if (this.#isClosed) {
        session.transactor.drop();
        throw closed();
      }
      this.#session = session;
      return session;
    } catch (error) {
      if (judge(error).identity) factory.forgetCredentials();
      throw asSinkError(error);
    }
  }

  async #putLease(value: LeaseValue, ifHeld: boolean): Promise<void> {
    if (ifHeld && this.#session === null) return;
    try {
      await this.#putLeaseOnce(value);
    } catch (error) {
      if (ifHeld && judge(error).class === 'producer') return;
      if (ifHeld) throw this.#failure(error);
      // A new session finds out why, and says so where it is not ours any more.
      await this.#ready();
      await this.#putLeaseOnce(value).catch((again: unknown) => {
        throw this.#failure(again);
      });
    }
  }

  async #putLeaseOnce(value: LeaseValue): Promise<void> {
    const { transactor, partitions } = await this.#ready();
    try {
      await transactor.run((send) => send(this.#parts.records.lease(value, partitions), 0));
    } catch (error) {
      this.#drop();
      throw error;
    }
  }

  async #openLog(): Promise<LogReader> {
    const { factory, directory, config, patience } = this.#parts;
    await directory.facts(config.checkpointTopic);
    return LogReader.open(factory, { topic: config.checkpointTopic, patience });
  }

  /** What a failed transaction makes the lane do; rights and settings are for somebody to mend. */
  #failure(error: unknown): SinkError {
    const { identity } = judge(error);
    if (identity) this.#parts.factory.forgetCredentials();
    this.#parts.directory.forget();
    const { kind, code, message, cause } = asSinkError(error);
    return kind === 'transient' ? new SinkError({ kind: 'reopen', code, message, cause }) : asSinkError(error);
  }

  #drop(): void {
    this.#session?.transactor.drop();
    this.#session = null;
  }
}

function closed(): SinkError {
  return new SinkError({ kind: 'transient', code: 'CLOSED', message: 'kafka: the sink was closed' });
}

/** What is not held yet. Throws where something between what is held and these batches is missing. */
function lackingOf(batches: readonly RecordBatch[], held: ReadonlyMap<string, Checkpoint>): readonly RecordBatch[] {
  const reached = new Map<string, Position>();
  return batches.filter(({ stream, checkpoint: { position }, follows }) => {
    const at = reached.get(stream.id) ?? held.get(stream.id)?.position ?? null;
    if (at !== null && comparePositions(position, at) <= 0) return false;
    const isBehind = follows !== null && (at === null || comparePositions(at, follows) < 0);
    if (isBehind) {
      const message = `the checkpoint topic holds less of ${stream.id} than was written: it has lost records`;
      throw new SinkError({ kind: 'reopen', code: 'CHECKPOINT_BEHIND', message });
    }
    reached.set(stream.id, position);
    return true;
  });
}

/** By stream: where it stands after these batches, without `stop` and what follows it. */
function reachedBy(batches: readonly RecordBatch[], stop: RecordBatch | undefined): Map<string, Checkpoint> {
  const end = stop === undefined ? batches.length : batches.indexOf(stop);
  return new Map(batches.slice(0, end).map(({ stream, checkpoint }) => [stream.id, checkpoint]));
}
