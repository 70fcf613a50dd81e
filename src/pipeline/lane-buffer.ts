import type { RecordBatch } from '../core/batch.ts';
import type { Checkpoint, Position } from '../core/checkpoint.ts';
import type { Arrival, Fate } from '../core/fate.ts';
import type { Stream } from '../core/stream.ts';
import { Holdings } from './holdings.ts';
import type { LaneBufferOptions } from './lane-options.ts';
import type { WriteLimits } from './lane-queue.ts';
import { costOf, LaneQueue } from './lane-queue.ts';
import type { LaneContents, Waiting } from './lane-standing.ts';
import { LaneGaps } from './lane-standing.ts';
import { Overflow } from './overflow.ts';
import { Pace } from './pace.ts';

/** A lane that has dropped takes batches again when it is this empty, so that it does not drop every second one. */
const resumeBelow = 0.75;
/** What notices of dropped numbers may take; beyond that even a dropping lane blocks, for nothing may be lost silently. */
const maxNoticeBytes = 5_000_000;

/** Why a lane takes nothing more: its time is over, nobody reads any more, or a newer bridge has taken over. */
export type Closing = 'stopped' | 'unread' | 'fenced';

interface Waiter {
  readonly batch: RecordBatch;
  readonly taken: () => void;
}

/** What waits for one sink: in order, bounded in bytes, without what the sink holds already. */
export class LaneBuffer implements LaneContents {
  readonly gaps: LaneGaps;
  readonly #options: LaneBufferOptions;
  /** Called when there is something new to write, or nothing more can be taken. */
  readonly #wake: () => void;
  readonly #queue = new LaneQueue();
  readonly #overflow = new Overflow();
  readonly #pace: Pace;
  /** Null until the sink has said that it keeps checkpoints. */
  #holdings: Holdings | null = null;
  /** Taken and not settled. */
  #unsettled: readonly RecordBatch[] = [];
  #waiters: Waiter[] = [];
  #isDropping = false;
  #closing: Closing | null = null;
  #unwritten = 0;

  constructor(options: LaneBufferOptions, wake: () => void) {
    this.#options = options;
    this.#wake = wake;
    this.#pace = new Pace(options.clock);
    this.gaps = new LaneGaps(options.maxStreams);
  }

  /** Records that were pushed and never written, once closed. */
  get unwritten(): number {
    return this.#unwritten;
  }

  /** Nothing to write, whether taken or not. */
  get isDone(): boolean {
    return this.#queue.records === 0 && this.#waiters.length === 0;
  }

  /** Nothing to take. */
  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  /** Waiting for more would be in vain: a write (of this size) could not take more, or nothing more can come in. */
  isRipe(limits: WriteLimits = this.#options.config): boolean {
    return this.#waiters.length > 0 || this.#isDropping || this.#queue.fills(limits);
  }

  /**
   * Queues a batch, and holds its memory as long as need be. The promise, where there is one, resolves when there is room:
   * wait for it before the next push.
   */
  push(batch: RecordBatch): Promise<void> | undefined {
    this.#count(batch, batch.origin === 'replay' ? 'replayed' : 'received');
    if (this.#closing !== null) return this.#refuse(batch, this.#closing);
    batch.memory?.hold();
    const due = this.#admit(batch);
    if (due.length === 0) {
      this.#count(batch, 'duplicate');
      batch.memory?.release();
    }
    let wait: Promise<void> | undefined;
    for (const one of due) wait = this.#enqueue(one);
    return wait;
  }

  *waiting(): Generator<Waiting> {
    yield* this.#unsettled;
    yield* this.#queue.waiting();
    for (const { batch } of this.#waiters) yield batch;
    yield* this.#overflow.pending();
  }

  admitted(stream: Stream): Position | undefined {
    return this.#holdings?.positionOf(stream);
  }

  /** What one write takes; `settle` or `reconcile` follows. */
  take(): readonly RecordBatch[] {
    this.#unsettled = this.#queue.take(this.#options.config);
    return this.#unsettled;
  }

  /** The next of the taken batches are confirmed. */
  settle(batches: readonly RecordBatch[]): void {
    if (this.#closing !== null) return;
    this.#unsettled = this.#unsettled.slice(batches.length);
    for (const batch of batches) {
      this.#queue.settle(batch);
      batch.memory?.release();
    }
    this.#reportSize();
    if (!this.#isAhead()) this.#pace.caughtUp();
    if (this.#isDropping && this.#queue.cost <= this.#options.config.laneBytes * resumeBelow) this.#announceDropped();
    this.#admitWaiters();
  }

  /** The sink has said what it holds: that is left out, and what it should hold and does not is put on record. */
  reconcile(held: ReadonlyMap<string, Checkpoint>): void {
    this.#holdings ??= new Holdings(this.#options.maxStreams);
    this.#holdings.reset(held);
    for (const batch of this.#queue.drain(this.#unsettled)) {
      for (const due of this.#admitAgain(batch)) this.#queue.add(due);
    }
    this.#unsettled = [];
    this.#waiters = this.#waiters.flatMap(({ batch, taken }) => {
      const due = this.#admitAgain(batch);
      if (due.length === 0) taken();
      return due.map((one, index) => ({ batch: one, taken: index === due.length - 1 ? taken : () => undefined }));
    });
    this.#reportSize();
    this.#admitWaiters();
  }

  /** Nothing more will be written: counts what is left and lets everybody go who waits for room. */
  close(closing: Closing): void {
    this.#closing = closing;
    let left = this.#overflow.size;
    const waiting = this.#waiters.map(({ batch }) => batch);
    // They stay unsettled for whoever asks.
    this.#unsettled = [...this.#queue.drain(this.#unsettled), ...waiting];
    for (const batch of this.#unsettled) {
      left += batch.ends.length;
      this.#count(batch, `dropped_${closing}`);
    }
    for (const { taken } of this.#waiters) taken();
    this.#pace.caughtUp();
    this.#unwritten = closing === 'stopped' ? left : 0;
    this.#waiters = [];
    this.#reportSize();
  }

  #admitAgain(batch: RecordBatch): readonly RecordBatch[] {
    const due = this.#admit(batch);
    if (due.length === 0) this.#count(batch, 'duplicate');
    return due;
  }

  /** What the sink lacks of this batch. */
  #admit(batch: RecordBatch): readonly RecordBatch[] {
    if (this.#holdings === null) return [batch];
    const { batches, missing } = this.#holdings.admit(batch);
    if (missing > 0n) {
      this.gaps.add(batch.stream, batch.checkpoint.position.epoch);
      const message = `the sink holds ${missing} numbers of ${batch.stream.id} less than it should: it lost data, or was away when the bridge started; a StreamGap says so`;
      this.#options.observe({ fact: 'sink-note', sink: this.#options.name, code: 'SINK_BEHIND', message });
    }
    return batches;
  }

  #enqueue(batch: RecordBatch): Promise<void> | undefined {
    if (this.#waiters.length === 0 && this.#hasRoom(batch)) return this.#add(batch);
    if (this.#options.config.whenFull === 'drop' && this.#overflow.bytes < maxNoticeBytes) return this.#drop(batch);
    return new Promise((taken) => {
      this.#waiters.push({ batch, taken });
      this.#wake();
    });
  }

  #hasRoom(batch: RecordBatch): boolean {
    const { laneBytes } = this.#options.config;
    const held = this.#queue.cost;
    if (this.#isDropping) return held <= laneBytes * resumeBelow;
    // One batch larger than the whole lane still has to pass, alone.
    return held === 0 || held + costOf(batch) <= laneBytes;
  }

  #add(batch: RecordBatch): Promise<void> | undefined {
    if (this.#isDropping) this.#announceDropped();
    this.#queue.add(batch);
    this.#reportSize();
    this.#wake();
    return this.#isAhead() ? this.#pace.ahead() : undefined;
  }

  /** More than two writes would take. */
  #isAhead(): boolean {
    const { maxBatchRecords, maxBatchBytes } = this.#options.config;
    return this.#queue.records > 2 * maxBatchRecords || this.#queue.cost > 2 * maxBatchBytes;
  }

  #refuse(batch: RecordBatch, closing: Closing): undefined {
    if (closing === 'stopped') this.#unwritten += batch.ends.length;
    this.#count(batch, `dropped_${closing}`);
    return undefined;
  }

  #drop(batch: RecordBatch): undefined {
    this.#isDropping = true;
    const { name, observe } = this.#options;
    if (this.#overflow.add(batch)) {
      this.gaps.add(batch.stream, batch.checkpoint.position.epoch);
      observe({ fact: 'dropped', sink: name, records: batch.ends.length, bytes: batch.bytes.length });
      this.#count(batch, 'dropped_sink_overflow');
      batch.memory?.release();
    }
    this.#wake();
    return undefined;
  }

  /** Before anything that came after the drop: the gap records of what was dropped. */
  #announceDropped(): void {
    this.#isDropping = false;
    for (const notice of this.#overflow.takeNotices()) this.#queue.add(notice);
  }

  #admitWaiters(): void {
    while (this.#waiters[0] !== undefined && this.#hasRoom(this.#waiters[0].batch)) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      void this.#add(waiter.batch);
      waiter.taken();
    }
  }

  /** Control records stand for no engine batch. */
  #count({ frames }: RecordBatch, fate: Arrival | Fate): void {
    if (frames > 0) this.#options.observe({ fact: 'accounting', sink: this.#options.name, fate, batches: frames });
  }

  #reportSize(): void {
    const { name, observe } = this.#options;
    const { cost, records, frames } = this.#queue;
    const waiting = this.#waiters.reduce((sum, { batch }) => sum + batch.frames, 0);
    observe({ fact: 'lane', sink: name, bytes: cost, records, batches: frames + waiting });
  }
}
