import type { Fact } from '../../core/observer.ts';

/** What the pipeline made of the frames of a capture. */
export interface RecordCounts {
  gaps: number;
  /** Numbers inside the gaps. */
  missing: bigint;
  restarts: number;
  duplicates: number;
  undecodable: number;
}

export interface SinkCounts {
  records: number;
  bytes: number;
  deadLettered: number;
  dropped: number;
  /** Records that wait now, those that are being written included. */
  waiting: number;
}

/** Counts what happens on the way into sinks. */
export class ReplayCounts {
  readonly records: RecordCounts = { gaps: 0, missing: 0n, restarts: 0, duplicates: 0, undecodable: 0 };
  readonly sinks: ReadonlyMap<string, SinkCounts>;
  /** Ids of those that have sent something; a sink may have known them before. */
  readonly streams = new Set<string>();
  /** Set while somebody waits for it. */
  #onEmpty: (() => void) | null = null;

  constructor(sinks: readonly string[]) {
    const none = () => ({ records: 0, bytes: 0, deadLettered: 0, dropped: 0, waiting: 0 });
    this.sinks = new Map(sinks.map((sink) => [sink, none()]));
  }

  /** Resolves when no sink lacks anything of what was passed on before the call. */
  whenWritten(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#look();
    });
  }

  take(fact: Fact): void {
    if ('sink' in fact) {
      const sink = this.sinks.get(fact.sink);
      if (sink !== undefined) this.#takeOfSink(fact, sink);
    } else this.#takeOfStream(fact);
  }

  #takeOfSink(fact: Extract<Fact, { readonly sink: string }>, sink: SinkCounts): void {
    switch (fact.fact) {
      case 'lane':
        sink.waiting = fact.records;
        this.#look();
        return;
      case 'delivered':
        sink.records += fact.records;
        sink.bytes += fact.bytes;
        return;
      case 'dead-lettered':
        sink.deadLettered += fact.records;
        return;
      case 'dropped':
        sink.dropped += fact.records;
    }
  }

  #takeOfStream(fact: Fact): void {
    const { records } = this;
    switch (fact.fact) {
      case 'stream-gap':
        records.gaps += 1;
        records.missing += fact.to - fact.from + 1n;
        return;
      case 'stream-restarted':
        records.restarts += 1;
        return;
      case 'duplicate':
        records.duplicates += 1;
        return;
      case 'undecodable':
        records.undecodable += 1;
    }
  }

  #look(): void {
    if (this.#onEmpty === null || [...this.sinks.values()].some(({ waiting }) => waiting > 0)) return;
    this.#onEmpty();
    this.#onEmpty = null;
  }
}
