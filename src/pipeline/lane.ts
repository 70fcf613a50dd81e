import type { RecordBatch, RecordForm } from '../core/batch.ts';
import type { Held } from '../core/checkpoint.ts';
import type { Sink } from '../core/sink.ts';
import { ArrivalRate } from './arrival-rate.ts';
import type { DeliveryEnd } from './delivery.ts';
import { Delivery } from './delivery.ts';
import { LaneBuffer } from './lane-buffer.ts';
import type { LaneBufferOptions } from './lane-options.ts';
import { LaneStanding } from './lane-standing.ts';
import { Stall } from './stall.ts';

export interface LaneOptions extends LaneBufferOptions {
  readonly sink: Sink;
  readonly random: () => number;
}

/** Given as a reason: without one, ending a wait would make an exception with a stack, which costs more than a write. */
const ripe = 'ripe';
/** Records for which a write may wait: it costs as much as some dozens of them, but a reader waits as well. */
const worthwhile = 10;
/** A write of so much does not wait for company: it costs as much as some dozens of records, or the copying of some kB. */
const ample = { maxBatchRecords: 64, maxBatchBytes: 16_384 };
/** A record of so many bytes counts as one, a larger one as several. */
const small = 8_192;

/** How a lane ended before it was told to: nobody reads any more, or a newer bridge of the name has taken over. */
export type LaneEnd = Extract<DeliveryEnd, 'closed' | 'fenced'>;

/** The ordered, byte-bounded path to one sink. A dead sink fills its own lane and nothing else. */
export class Lane {
  readonly name: string;
  readonly form: RecordForm;
  /** Resolves with what the sink held when it was first connected; null where it keeps no checkpoints. */
  readonly opened: Promise<Held>;
  readonly #options: LaneOptions;
  readonly #delivery: Delivery;
  readonly #buffer: LaneBuffer;
  readonly #stall: Stall;
  readonly #arrivals = new ArrivalRate();
  readonly #giveUp = new AbortController();
  #isFinishing = false;
  /** Ends the pump's wait for work, or its linger. */
  #wake: () => void = () => undefined;
  #onOpened: (held: Held) => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    this.name = options.name;
    this.form = options.config.record as RecordForm;
    this.#options = options;
    this.opened = new Promise((resolve) => {
      this.#onOpened = resolve;
    });
    this.#buffer = new LaneBuffer(options, () => this.#wake());
    this.#stall = new Stall(() => options.clock.now());
    const { retryInitial, retryMax } = options.config;
    this.#delivery = new Delivery({ ...options, retryInitial, retryMax, signal: this.#giveUp.signal });
  }

  /** Starts connecting and writing. `onEnd` is called once, where the lane ends by itself. */
  start(onEnd: (end: LaneEnd) => void): void {
    this.#running = this.#run(onEnd);
  }

  /** Records that were pushed and not written, once the lane has ended. */
  get unwritten(): number {
    return this.#buffer.unwritten;
  }

  /** Queues a batch; the promise, where there is one, resolves when there is room: wait for it before the next push. */
  push(batch: RecordBatch): Promise<void> | undefined {
    this.#arrivals.add(Math.max(batch.ends.length, batch.bytes.length / small), this.#options.clock.now());
    const wait = this.#buffer.push(batch);
    return wait && this.#stall.during(wait);
  }

  /** How each stream stands here, now. */
  get standing(): LaneStanding {
    return new LaneStanding(this.#buffer);
  }

  /** Tells the observer how the lane stands. */
  report(): void {
    const { name, observe, clock } = this.#options;
    const [oldest] = this.#buffer.waiting();
    const lagMs = oldest === undefined ? 0 : Math.max(clock.now() - oldest.receivedAt, 0);
    observe({ fact: 'lane-standing', sink: name, waitedMs: this.#stall.take(), lagMs });
  }

  /**
   * Writes what is queued, then ends; gives up when `deadline` aborts. What is pushed later is only counted.
   * Returns the number of records that could not be written until then.
   */
  async finish(deadline: AbortSignal): Promise<number> {
    this.#isFinishing = true;
    // An unreachable sink with nothing to write to it is not worth waiting for.
    if (this.#buffer.isDone) this.#giveUp.abort();
    this.#wake();
    const giveUp = () => {
      this.#giveUp.abort();
      this.#wake();
    };
    if (deadline.aborted) giveUp();
    deadline.addEventListener('abort', giveUp, { once: true });
    await this.#running;
    deadline.removeEventListener('abort', giveUp);
    return this.unwritten;
  }

  async #run(onEnd: (end: LaneEnd) => void): Promise<void> {
    let end = await this.#connect();
    while (end === 'done' && (await this.#hasWork())) {
      end = await this.#delivery.write(this.#buffer.take(), (settled) => this.#buffer.settle(settled));
      if (end === 'reopen') end = await this.#connect();
    }
    this.#buffer.close(end === 'closed' ? 'unread' : end === 'fenced' ? 'fenced' : 'stopped');
    if (end === 'closed' || end === 'fenced') onEnd(end);
  }

  #connect(): Promise<DeliveryEnd> {
    return this.#delivery.connect((held) => {
      if (held !== null) this.#buffer.reconcile(held);
      this.#onOpened(held);
    });
  }

  /**
   * Waits for something to write; false when all is written and no more will come. What comes after a pause is written at
   * once, with whatever other engines have sent at the same time (`#sleepUntilWoken`). Where more has come during the last
   * write there is a load, and what there is may linger for a larger write, where enough is likely to come meanwhile.
   */
  async #hasWork(): Promise<boolean> {
    let isLoaded = true;
    while (this.#buffer.isEmpty) {
      if (this.#isFinishing) return false;
      isLoaded = false;
      await this.#sleepUntilWoken();
      this.#wake = () => undefined;
    }
    const { linger } = this.#options.config;
    if (isLoaded && !this.#mustNotLinger() && this.#isWorthwhile(linger)) await this.#linger(linger);
    return !this.#giveUp.signal.aborted;
  }

  #isWorthwhile(linger: number): boolean {
    return linger > 0 && this.#arrivals.within(linger, this.#options.clock.now()) >= worthwhile;
  }

  async #linger(ms: number): Promise<void> {
    const enough = new AbortController();
    this.#wake = () => {
      if (this.#mustNotLinger()) enough.abort(ripe);
    };
    await this.#options.clock.sleep(ms, enough.signal);
    this.#wake = () => undefined;
  }

  /** A lane that takes nothing more has nothing to wait for: where `laneBytes` is less than a full write, it would stall. */
  #mustNotLinger(): boolean {
    return this.#isFinishing || this.#buffer.isRipe();
  }

  /**
   * A small write waits for the turn of the event loop to end, which reads the sockets of all engines: what they have sent
   * at the same time would have to wait for its answer. A source that is behind may take that turn for itself for some
   * milliseconds; what has piled up until then would have left the processor's caches, so enough is enough.
   */
  #sleepUntilWoken(): Promise<void> {
    return new Promise((resolve) => {
      let isWaiting = false;
      this.#wake = () => {
        if (this.#buffer.isRipe(ample)) resolve();
        else if (!isWaiting) setImmediate(resolve);
        isWaiting = true;
      };
    });
  }
}
