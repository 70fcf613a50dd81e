import { randomUUID } from 'node:crypto';
import type { Checkpoint } from '../../core/checkpoint.ts';
import type { CheckpointRecords } from './checkpoint-log.ts';
import { CheckpointView } from './checkpoint-log.ts';
import type { ClientFactory } from './client.ts';
import { LogReader } from './log-reader.ts';
import type { NameHolder } from './name-holder.ts';
import type { TransactorOptions } from './transactor.ts';
import { Transactor } from './transactor.ts';

/** The right to write under a bridge's name, and what it has written so far. */
export interface Session {
  readonly transactor: Transactor;
  /** By stream; kept up to date by whoever commits. */
  readonly held: Map<string, Checkpoint>;
  /** Partitions of the checkpoint topic. */
  readonly partitions: number;
}

export interface SessionOptions {
  readonly bridge: string;
  readonly checkpointTopic: string;
  readonly transactor: TransactorOptions;
}

/**
 * Takes the name, then reads: only what is read behind our own claim cannot change any more. What is decided is read once
 * before that, to see who came after us since the last time (see `NameHolder`). That does not wait for open transactions:
 * the claim itself aborts a predecessor's, and our own of before.
 */
export async function openSession(
  factory: ClientFactory,
  options: SessionOptions,
  records: CheckpointRecords,
  holder: NameHolder,
): Promise<Session> {
  holder.check();
  const { bridge, checkpointTopic: topic } = options;
  const reader = await LogReader.open(factory, { topic, patience: options.transactor.patience });
  let transactor: Transactor | null = null;
  try {
    const view = new CheckpointView(bridge);
    await reader.readToEnd('stable', view.take);
    transactor = await Transactor.open(factory, options.transactor);
    holder.beforeClaim(view);
    const nonce = randomUUID();
    const { partitions } = reader;
    await transactor.run((send) => send(records.claim(holder.owner, nonce, partitions), 0));
    const seen = () => view.claims.filter((claim) => claim.nonce === nonce).length;
    await reader.readUntil(() => seen() === partitions, view.take);
    holder.afterClaim(view);
    return { transactor, held: view.held, partitions };
  } catch (error) {
    transactor?.drop();
    throw error;
  } finally {
    reader.close();
  }
}
