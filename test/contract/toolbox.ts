import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf } from '../support/batches.ts';
import type { CheckpointPromise, ContractOptions, SinkHarness } from './harness.ts';

/** What a rule works with: the harness, bounded calls, and the comparisons that the contract is made of. */
export class Toolbox {
  readonly harness: SinkHarness;
  readonly patience: number;
  readonly promise: CheckpointPromise | null;
  readonly #order: 'total' | 'stream';
  readonly #made: Sink[] = [];

  constructor(harness: SinkHarness, options: ContractOptions) {
    this.harness = harness;
    this.patience = options.patience ?? 30_000;
    this.promise = typeof options.checkpoints === 'object' ? options.checkpoints : null;
    this.#order = options.order ?? 'total';
  }

  /** A sink that is closed after the rule, whatever becomes of it. */
  async make(): Promise<Sink> {
    const sink = await this.harness.make();
    this.#made.push(sink);
    return sink;
  }

  async connected(): Promise<Sink> {
    return (await this.opened()).sink;
  }

  /** A connected sink and what it says that the destination holds. */
  async opened(): Promise<{ readonly sink: Sink; readonly held: Held }> {
    const sink = await this.make();
    return { sink, held: await this.within('connect', sink.connect()) };
  }

  async release(): Promise<void> {
    for (const sink of this.#made) await this.within('close', sink.close()).catch(() => {});
    await this.harness.dispose();
  }

  /** No call of a sink may hang. */
  async within<T>(what: string, promise: Promise<T>): Promise<T> {
    const timer = new AbortController();
    const late = sleep(this.patience, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${what} did not settle within ${this.patience} ms`);
    });
    late.catch(() => {});
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer.abort();
    }
  }

  write(sink: Sink, batches: readonly RecordBatch[]): Promise<unknown> {
    return this.within('write', sink.write(batches));
  }

  /** Exactly these documents, each once, in order. */
  async expectWritten(batches: readonly RecordBatch[]): Promise<void> {
    this.#expectSame(await this.harness.readBack(), documentsOf(batches));
  }

  /** At least once: repeats are allowed, but the first copies are complete and in order. */
  async expectAtLeastOnce(batches: readonly RecordBatch[]): Promise<void> {
    this.#expectSame([...new Set(await this.harness.readBack())], documentsOf(batches));
  }

  #expectSame(actual: readonly string[], expected: readonly string[]): void {
    if (this.#order === 'total') expect(actual).toEqual(expected);
    else expect(byStream(actual)).toEqual(byStream(expected));
  }

  /** The error of a call that must fail. */
  async failureOf(what: string, promise: Promise<unknown>): Promise<SinkError> {
    const outcome = await this.within(
      what,
      promise.then(
        () => 'no error',
        (error: unknown) => error,
      ),
    );
    expect(outcome, `${what} must throw a SinkError`).toBeInstanceOf(SinkError);
    const error = outcome as SinkError;
    expect(error.code).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
    expect(error.message.length).toBeGreaterThan(10);
    return error;
  }

  /** `written` counts whole leading batches, and all of them are there. */
  async expectHonest(error: SinkError, batches: readonly RecordBatch[]): Promise<void> {
    expect(Number.isInteger(error.written) && error.written >= 0 && error.written <= batches.length).toBe(true);
    const there = new Set(await this.harness.readBack());
    const missing = documentsOf(batches.slice(0, error.written)).filter((document) => !there.has(document));
    expect(missing, 'documents of batches reported as written').toEqual([]);
  }

  /** What a lane does: again with the rest until it is written, after `reopen` with what the destination then lacks. */
  async persist(sink: Sink, batches: readonly RecordBatch[]): Promise<void> {
    const deadline = Date.now() + 3 * this.patience;
    let rest = batches;
    while (rest.length > 0) {
      try {
        await this.write(sink, rest);
        return;
      } catch (error) {
        if (!(error instanceof SinkError) || Date.now() > deadline) throw error;
        rest = rest.slice(error.written);
        if (error.kind === 'reopen') rest = lackingIn(await this.persistConnect(sink), batches);
        await sleep(50);
      }
    }
  }

  async persistConnect(sink: Sink): Promise<Held> {
    const deadline = Date.now() + 3 * this.patience;
    for (;;) {
      try {
        return await this.within('connect', sink.connect());
      } catch (error) {
        if (!(error instanceof SinkError) || Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  async break(): Promise<void> {
    await required(this.harness.breakDestination, 'breakDestination').call(this.harness);
  }

  async heal(): Promise<void> {
    await required(this.harness.healDestination, 'healDestination').call(this.harness);
  }
}

/** The batches that a destination holding this does not hold. */
function lackingIn(held: Held, batches: readonly RecordBatch[]): readonly RecordBatch[] {
  return batches.filter(({ stream, checkpoint }) => {
    const there = held?.get(stream.id);
    return there === undefined || comparePositions(checkpoint.position, there.position) > 0;
  });
}

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the harness has no ${name}; give it, or an excuse in the options`);
  return value;
}

function byStream(documents: readonly string[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const document of documents) {
    const { stream } = JSON.parse(document) as { stream: string };
    const group = groups[stream] ?? [];
    groups[stream] = group;
    group.push(document);
  }
  return groups;
}
