import type { RecordBatch, RecordForm } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import type { LaneConfig } from '../core/lane-settings.ts';
import type { Observe } from '../core/observer.ts';
import type { Sink } from '../core/sink.ts';
import { Delivery } from './delivery.ts';
import { costOf, LaneQueue } from './lane-queue.ts';
import { Overflow } from './overflow.ts';

/** A lane that has dropped takes batches again when it is this empty, so that it does not drop every second one. */
const resumeBelow = 0.75;
/** What notices of dropped numbers may take; beyond that even a dropping lane blocks, for nothing may be lost silently. */
const maxNoticeBytes = 5_000_000;

export interface LaneOptions {
  /** Name of the sink. */
  readonly name: string;
  readonly sink: Sink;
  readonly config: LaneConfig;
  readonly observe: Observe;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Waiter {
  readonly batch: RecordBatch;
  readonly taken: () => void;
}

/** The ordered, byte-bounded path to one sink. A dead sink fills its own lane and nothing else. */
export class Lane {
  readonly name: string;
  readonly form: RecordForm;
  readonly #options: LaneOptions;
  readonly #delivery: Delivery;
  readonly #giveUp = new AbortController();
  readonly #queue = new LaneQueue();
  readonly #overflow = new Overflow();
  #waiters: Waiter[] = [];
  #isDropping = false;
  #isFinishing = false;
  #isClosed = false;
  /** Whoever closed the pipe did not want the rest. */
  #isUnread = false;
  #unwritten = 0;
  /** Ends the pump's wait for work, or its linger. */
  #wake: () => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(options: LaneOptions) {
    this.name = options.name;
    this.form = options.config.record as RecordForm;
    this.#options = options;
    const { retryInitial, retryMax } = options.config;
    this.#delivery = new Delivery({ ...options, retryInitial, retryMax, signal: this.#giveUp.signal });
  }

  /** Starts connecting and writing. `onClosed`: nobody will read from this sink again (stdout's reader has gone). */
  start(onClosed: () => void): void {
    this.#running = this.#run(onClosed);
  }

  /** Records that were pushed and not written, once the lane has ended. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Queues a batch; the promise, where there is one, resolves when there is room: wait for it before the next push. */
  push(batch: RecordBatch): Promise<void> | undefined {
    if (this.#isClosed) return this.#refuse(batch);
    if (this.#waiters.length === 0 && this.#hasRoom(batch)) return this.#add(batch);
    if (this.#options.config.whenFull === 'drop' && this.#overflow.bytes < maxNoticeBytes) return this.#drop(batch);
    return new Promise((taken) => {
      this.#waiters.push({ batch, taken });
      this.#wake();
    });
  }

  /**
   * Writes what is queued, then ends; gives up when `deadline` aborts. What is pushed later is only counted.
   * Returns the number of records that could not be written until then.
   */
  async finish(deadline: AbortSignal): Promise<number> {
    this.#isFinishing = true;
    // An unreachable sink with nothing to write to it is not worth waiting for.
    if (this.#queue.records === 0 && this.#waiters.length === 0) this.#giveUp.abort();
    this.#wake();
    const giveUp = () => {
      this.#giveUp.abort();
      this.#wake();
    };
    if (deadline.aborted) giveUp();
    deadline.addEventListener('abort', giveUp, { once: true });
    await this.#running;
    deadline.removeEventListener('abort', giveUp);
    return this.#unwritten;
  }

  async #run(onClosed: () => void): Promise<void> {
    let end = await this.#delivery.connect();
    while (end === 'done' && (await this.#hasWork())) {
      const batches = this.#queue.take(this.#options.config);
      end = await this.#delivery.write(batches, (settled) => this.#settle(settled));
    }
    this.#close(end === 'closed');
    if (end === 'closed') onClosed();
  }

  /** Waits for something to write and lets it linger; false when all is written and no more will come. */
  async #hasWork(): Promise<boolean> {
    while (this.#queue.isEmpty) {
      if (this.#isFinishing) return false;
      await this.#sleepUntilWoken();
    }
    const { linger } = this.#options.config;
    if (linger > 0 && !this.#mustNotLinger()) await this.#linger(linger);
    return !this.#giveUp.signal.aborted;
  }

  async #linger(ms: number): Promise<void> {
    const enough = new AbortController();
    this.#wake = () => {
      if (this.#mustNotLinger()) enough.abort();
    };
    await this.#options.clock.sleep(ms, enough.signal);
    this.#wake = () => undefined;
  }

  /** A lane that takes nothing more has nothing to wait for: where `laneBytes` is less than a full write, it would stall. */
  #mustNotLinger(): boolean {
    const isFull = this.#waiters.length > 0 || this.#isDropping;
    return isFull || this.#isFinishing || this.#queue.fills(this.#options.config);
  }

  async #sleepUntilWoken(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => undefined;
  }

  #hasRoom(batch: RecordBatch): boolean {
    const { laneBytes } = this.#options.config;
    const held = this.#queue.cost;
    if (this.#isDropping) return held <= laneBytes * resumeBelow;
    // One batch larger than the whole lane still has to pass, alone.
    return held === 0 || held + costOf(batch) <= laneBytes;
  }

  #add(batch: RecordBatch): undefined {
    if (this.#isDropping) this.#announceDropped();
    this.#queue.add(batch);
    this.#reportSize();
    this.#wake();
    return undefined;
  }

  #refuse(batch: RecordBatch): undefined {
    if (!this.#isUnread) this.#unwritten += batch.ends.length;
    return undefined;
  }

  #drop(batch: RecordBatch): undefined {
    this.#isDropping = true;
    const { name, observe } = this.#options;
    if (this.#overflow.add(batch)) {
      observe({ fact: 'dropped', sink: name, records: batch.ends.length, bytes: batch.bytes.length });
    }
    this.#wake();
    return undefined;
  }

  /** Before anything that came after the drop: the gap records of what was dropped. */
  #announceDropped(): void {
    this.#isDropping = false;
    for (const notice of this.#overflow.takeNotices()) this.#queue.add(notice);
  }

  #settle(batches: readonly RecordBatch[]): void {
    if (this.#isClosed) return;
    for (const batch of batches) this.#queue.settle(batch);
    this.#reportSize();
    if (this.#isDropping && this.#queue.cost <= this.#options.config.laneBytes * resumeBelow) this.#announceDropped();
    this.#admitWaiters();
  }

  #admitWaiters(): void {
    while (this.#waiters[0] !== undefined && this.#hasRoom(this.#waiters[0].batch)) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      this.#add(waiter.batch);
      waiter.taken();
    }
  }

  /** Nothing more will be written: counts what is left and lets everybody go who waits for room. */
  #close(isUnread: boolean): void {
    this.#isClosed = true;
    this.#isUnread = isUnread;
    let left = this.#queue.records + this.#overflow.size;
    for (const { batch, taken } of this.#waiters) {
      left += batch.ends.length;
      taken();
    }
    this.#unwritten = isUnread ? 0 : left;
    this.#waiters = [];
    this.#queue.clear();
    this.#reportSize();
  }

  #reportSize(): void {
    const { name, observe } = this.#options;
    observe({ fact: 'lane', sink: name, bytes: this.#queue.cost, records: this.#queue.records });
  }
}
