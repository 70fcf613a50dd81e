import type { EventCounts, Fact } from '../core/observer.ts';
import type { Instruments, Tally } from './instruments.ts';

type Of<F extends Fact['fact']> = Extract<Fact, { fact: F }>;

/** The facts of every batch: added up here, and only brought to the metrics when somebody asks for them. */
export class BusyFacts {
  readonly #metrics: Instruments;
  readonly #sources = new Map<string, SourceTallies>();
  readonly #sinks = new Map<string, SinkTallies>();
  readonly #lanes = new Map<string, Of<'lane'>>();

  constructor(metrics: Instruments) {
    this.#metrics = metrics;
  }

  readonly frame = ({ source, frames, bytes }: Of<'frame-received'>): void => {
    const tallies = this.#source(source);
    tallies.frames.amount += frames;
    tallies.bytes.amount += bytes;
  };

  readonly batch = ({ source, batches, events }: Of<'batch-accepted'>): void => {
    const tallies = this.#source(source);
    tallies.batches.amount += batches;
    tallies.BlockStored.amount += events.BlockStored;
    tallies.BlockRemoved.amount += events.BlockRemoved;
    tallies.AllBlocksCleared.amount += events.AllBlocksCleared;
    tallies.other.amount += events.other;
  };

  readonly accounting = ({ sink, fate, batches }: Of<'accounting'>): void => {
    const tallies = this.#sink(sink);
    const tally = tallies[fate] ?? this.#metrics.tally('sink_batches_total', { sink, fate });
    tallies[fate] = tally;
    tally.amount += batches;
  };

  readonly lane = (fact: Of<'lane'>): void => {
    this.#lanes.set(fact.sink, fact);
  };

  flush(): void {
    this.#metrics.flush();
    for (const [sink, { bytes, records, batches }] of this.#lanes) {
      this.#metrics.set('lane_bytes', { sink }, bytes);
      this.#metrics.set('lane_records', { sink }, records);
      this.#metrics.set('sink_batches_queued', { sink }, batches);
    }
  }

  #source(source: string): SourceTallies {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const events = (type: string) => this.#metrics.tally('source_events_total', { source, type });
    const made = {
      frames: this.#metrics.tally('source_frames_total', { source }),
      bytes: this.#metrics.tally('source_frame_bytes_total', { source }),
      batches: this.#metrics.tally('source_batches_total', { source }),
      BlockStored: events('BlockStored'),
      BlockRemoved: events('BlockRemoved'),
      AllBlocksCleared: events('AllBlocksCleared'),
      other: events('other'),
    };
    this.#sources.set(source, made);
    return made;
  }

  #sink(sink: string): SinkTallies {
    const known = this.#sinks.get(sink) ?? {};
    this.#sinks.set(sink, known);
    return known;
  }
}

type SourceTallies = Readonly<Record<'frames' | 'bytes' | 'batches' | keyof EventCounts, Tally>>;
type SinkTallies = Partial<Record<Of<'accounting'>['fate'], Tally>>;
