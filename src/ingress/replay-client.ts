import { Context } from 'zeromq';
import { messageOf } from '../core/errors.ts';
import type { AttemptOptions, AttemptOutcome, ReplayClient, ReplayedFrame, ReplayTarget } from '../core/replay.ts';
import { checkReplayEndpoint } from './replay-endpoint.ts';
import type { ReplayTimeouts } from './replay-exchange.ts';
import { ReplayExchange } from './replay-exchange.ts';
import { Turns } from './replay-turns.ts';

export interface ZmqReplayClientOptions {
  /** Bytes of one frame at which libzmq gives up the connection: a hard stop far above every real batch; -1 = none. */
  readonly maxMessageSize: number;
  /** Attempts at the same time over all publishers; 8 unless told. */
  readonly concurrency?: number;
  readonly timeouts?: Partial<ReplayTimeouts>;
}

const defaultConcurrency = 8;
const defaultTimeouts: ReplayTimeouts = { connect: 2_000, firstAnswer: 5_000, idle: 2_000 };

/** Asks publishers' replay sockets (vLLM's `replay_endpoint`) over ZeroMQ. One per process, for all publishers. */
export class ZmqReplayClient implements ReplayClient {
  readonly #maxMessageSize: number;
  readonly #timeouts: ReplayTimeouts;
  readonly #turns: Turns;
  /**
   * Its own, so with an I/O thread of its own: libzmq looks names up on that thread, and a name server that hangs, or a
   * replay at full speed, would hold up live frames.
   */
  readonly #context = new Context();

  constructor(options: ZmqReplayClientOptions) {
    this.#maxMessageSize = options.maxMessageSize;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.#turns = new Turns(options.concurrency ?? defaultConcurrency);
  }

  async attempt(
    target: ReplayTarget,
    from: bigint,
    options: AttemptOptions,
    take: (frame: ReplayedFrame) => void,
  ): Promise<AttemptOutcome> {
    try {
      checkReplayEndpoint(target.endpoint);
    } catch (error) {
      return { end: 'unreachable', frames: 0, unreadable: 0, message: messageOf(error) };
    }
    if (!(await this.#turns.take(options.signal))) return { end: 'aborted', frames: 0, unreadable: 0 };
    try {
      const limits = { context: this.#context, timeouts: this.#timeouts, maxMessageSize: this.#maxMessageSize };
      return await new ReplayExchange({ ...options, ...limits, target, from }, take).run();
    } finally {
      this.#turns.give();
    }
  }
}
