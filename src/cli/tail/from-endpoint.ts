import { loadConfig } from '../../config/load.ts';
import type { RecordBatch } from '../../core/batch.ts';
import { recordAt } from '../../core/batch.ts';
import { SinkError } from '../../core/errors.ts';
import { laneSettings } from '../../core/lane-settings.ts';
import type { Fact } from '../../core/observer.ts';
import type { Sink, SinkModule, WriteOutcome } from '../../core/sink.ts';
import { noTap } from '../../core/tap.ts';
import { BridgeTurn } from '../../turn.ts';
import { systemClock } from '../clock.ts';
import type { Edge } from '../edge.ts';
import type { Take } from './show.ts';

export interface EndpointTail {
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  /** Flags of the settings `zmq.*` and `replay.*`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly edge: Edge;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

/**
 * Records of publishers that are heard directly: a bridge of its own, whose only sink shows them. So what is missing, late
 * or repeated is said exactly as a bridge in the same place would say it.
 */
export async function tailEndpoint(tail: EndpointTail, take: Take): Promise<void> {
  const { endpoint, mode, flags, edge, signal, note } = tail;
  const sources = JSON.stringify([{ name: 'tail', [mode]: endpoint, replay: flags['replay-endpoint'] }]);
  const { 'replay-endpoint': _, ...rest } = flags;
  const layers = {
    env: credentialsIn(edge.env),
    flags: { ...rest, sources, sinks: 'show', 'http-port': 'off', 'drain-timeout': '1s' },
  };
  const modules = [showModule(take)];
  const { config } = await loadConfig(modules, layers);
  let isOver = false;
  const turn = new BridgeTurn(config, {
    modules,
    stdout: edge.stdout,
    clock: systemClock,
    random: Math.random,
    tap: noTap,
    observe: (fact) => {
      if (!isOver) tell(fact, note);
    },
    onRunning: () => note(`${mode === 'bind' ? 'listening at' : 'connecting to'} ${endpoint}`),
  });
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  try {
    if (!signal.aborted) await Promise.race([turn.run(), stopped]);
  } finally {
    isOver = true;
    await turn.stop();
  }
}

/** Of the environment nothing else: what is to be heard, the command says. */
function credentialsIn(env: Edge['env']): Edge['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /^ZMQ_(?:PLAIN|CURVE)_/.test(name)));
}

function showModule(take: Take): SinkModule {
  return { name: 'show', settings: laneSettings, create: async () => new ShowSink(take) };
}

class ShowSink implements Sink {
  readonly #take: Take;

  constructor(take: Take) {
    this.#take = take;
  }

  async connect(): Promise<null> {
    return null;
  }

  /** That enough was shown is, to the lane, a reader that has gone. */
  async write(batches: readonly RecordBatch[]): Promise<WriteOutcome> {
    for (const batch of batches) {
      for (const index of batch.ends.keys()) {
        const isWanted = await this.#take(recordAt(batch, index).toString('utf8'), batch.stream.id);
        if (!isWanted) throw new SinkError({ kind: 'closed', code: 'ENOUGH', message: 'nothing more is wanted' });
      }
    }
    return { deadLettered: 0, batchesDeadLettered: 0 };
  }

  async close(): Promise<void> {}
}

function tell(fact: Fact, note: (message: string) => void): void {
  if (fact.fact === 'source-peers') note(`publishers connected: ${fact.peers}`);
  if (fact.fact === 'source-trouble') note(fact.message);
}
