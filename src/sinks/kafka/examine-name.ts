import { messageOf, SinkError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { CheckpointView } from './checkpoint-log.ts';
import type { ClientFactory } from './client.ts';
import { kafkaFinding as find } from './examine-findings.ts';
import { LogReader } from './log-reader.ts';

export interface NameQuestion {
  readonly topic: string;
  readonly bridge: string;
  readonly patience: number;
}

/** So long ago, a take-over is no longer one of several in a row. */
const recent = 600_000;

/** What the checkpoint topic says of this bridge's name. */
export async function* examineName(
  factory: ClientFactory,
  { topic, bridge, patience }: NameQuestion,
): AsyncGenerator<Finding> {
  const subject = `topic ${topic}`;
  const view = new CheckpointView(bridge);
  try {
    const reader = await LogReader.open(factory, { topic, patience });
    try {
      await reader.readToEnd('stable', view.take);
    } finally {
      reader.close();
    }
  } catch (error) {
    const code = error instanceof SinkError ? error.code : 'UNKNOWN';
    yield find('kafka-checkpoints-unread', subject, messageOf(error), {
      facts: { error: code },
      ...(/AUTHORIZATION/.test(code) && { cause: 'rights are missing' }),
    });
    return;
  }
  yield find('kafka-checkpoints', subject, `streams of ${bridge} with a checkpoint: ${view.held.size}`, {
    facts: { bridge, streams: view.held.size },
  });
  yield* ofName(bridge, view);
}

/** Times are by the clocks of the bridges that wrote them. */
function* ofName(bridge: string, { claims, lease }: CheckpointView): Generator<Finding> {
  const newest = claims.toSorted((a, b) => a.owner.started - b.owner.started).at(-1);
  if (newest === undefined) return;
  const now = Date.now();
  const ago = Math.max(0, Math.round((now - newest.owner.started) / 1_000));
  const held = lease !== null && !lease.released && now - lease.at < lease.ttl;
  const renewed = lease === null ? 0 : Math.max(0, (now - lease.at) / 1_000);
  const lives = held ? `its lease was renewed ${renewed.toFixed(1)} s ago` : 'no lease counts now';
  const subject = `bridge ${bridge}`;
  yield find('kafka-name-held', subject, `the bridge that took the name last was started ${ago} s ago; ${lives}`, {
    facts: { held, started_seconds_ago: ago, lease_of_holder: lease?.owner === newest.owner.instance },
  });
  const instances = new Set(
    claims.filter(({ owner }) => now - owner.started < recent).map(({ owner }) => owner.instance),
  );
  if (instances.size > 2)
    yield find('kafka-name-contested', subject, `${instances.size} bridges of this name were started in ten minutes`, {
      facts: { instances: instances.size },
    });
}
