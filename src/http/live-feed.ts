import type { ServerResponse } from 'node:http';
import type { StatusSource } from '../core/status.ts';
import { RecentRecords } from './recent-records.ts';
import { memory, StreamChanges } from './stream-changes.ts';
import type { Tap } from './tap.ts';

export interface LiveFeedOptions {
  readonly status: StatusSource;
  readonly tap: Tap;
  /** Milliseconds between two documents. */
  readonly interval?: number;
}

/** Streams that the page shows; with more of them `/statusz?stream=` finds the others. */
const mostStreams = 2_000;
/** Streams of one event. */
const chunk = 200;
/** Records of one tick. */
const mostRecords = 20;
/** A reader that has not taken so many bytes yet gets nothing new until it has. */
const mostUnsent = 1_048_576;

interface Reader {
  readonly output: ServerResponse;
  /** Changes up to this tick were sent. */
  sent: number;
}

/** One clock for all readers of `/live`: what they see is made once, and nothing at all while there are none. */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #readers = new Map<ServerResponse, Reader>();
  readonly #records = new RecentRecords(mostRecords);
  #changes = new StreamChanges();
  #tick = 0;
  #status = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  add(output: ServerResponse): void {
    const isFirst = this.#readers.size === 0;
    const reader = { output, sent: -1 };
    this.#readers.set(output, reader);
    this.#guard(() => {
      output.write('retry: 1000\n\n');
      if (isFirst) this.#begin();
      this.#send(reader, []);
    });
  }

  /** Idempotent. */
  remove(output: ServerResponse): void {
    this.#readers.delete(output);
    if (this.#readers.size === 0) this.#end();
  }

  #begin(): void {
    const { tap, interval = 1_000 } = this.#options;
    tap.add(this.#records);
    this.#changes = new StreamChanges();
    this.#tick = 0;
    this.#timer = setInterval(() => this.#guard(() => this.#tell()), interval);
    this.#look();
  }

  #tell(): void {
    this.#tick += 1;
    this.#look();
    const records = this.#records.take();
    for (const reader of this.#readers.values()) this.#send(reader, records);
  }

  /** Whatever goes wrong here ends the readers, who try again, and never the bridge. */
  #guard(work: () => void): void {
    try {
      work();
    } catch {
      for (const output of this.#readers.keys()) output.destroy();
    }
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#options.tap.remove(this.#records);
    this.#records.take();
    // Thousands of texts that nobody reads.
    this.#changes = new StreamChanges();
  }

  #look(): void {
    const { streams, ...status } = this.#options.status.status({ streams: mostStreams });
    this.#changes.update(streams.items, this.#tick);
    const { known, shown } = streams;
    this.#status = JSON.stringify({ ...status, streams: { known, shown } });
  }

  #send(reader: Reader, records: readonly string[]): void {
    const { output } = reader;
    if (output.writableLength > mostUnsent) {
      // It connects again and begins anew.
      if (this.#tick - reader.sent > memory) output.destroy();
      return;
    }
    const { changed, gone } = this.#changes.since(reader.sent);
    let text = eventOf('status', this.#status);
    for (let at = 0; at < changed.length; at += chunk) text += eventOf('streams', list(changed.slice(at, at + chunk)));
    if (gone.length > 0) text += eventOf('gone', JSON.stringify(gone));
    if (records.length > 0) text += eventOf('records', list(records));
    reader.sent = this.#tick;
    output.write(text);
  }
}

/** `data` is JSON, which has no line breaks. */
function eventOf(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

function list(texts: readonly string[]): string {
  return `[${texts.join(',')}]`;
}
