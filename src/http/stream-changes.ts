import type { StreamStatus } from '../core/status.ts';

/** How long it is remembered that a stream is gone, in ticks; who lags behind further has to begin anew. */
export const memory = 60;

export interface Changes {
  /** The streams as JSON texts. */
  readonly changed: readonly string[];
  /** Ids of streams that are not shown any more. */
  readonly gone: readonly string[];
}

/** What has changed about the streams since a tick: each reader gets it once, however far behind it is. */
export class StreamChanges {
  readonly #streams = new Map<string, { text: string; tick: number; seen: number }>();
  readonly #gone = new Map<string, number>();

  update(items: readonly StreamStatus[], tick: number): void {
    for (const item of items) {
      const text = JSON.stringify(item);
      const known = this.#streams.get(item.id);
      if (known === undefined) this.#streams.set(item.id, { text, tick, seen: tick });
      else if (known.text === text) known.seen = tick;
      else Object.assign(known, { text, tick, seen: tick });
      this.#gone.delete(item.id);
    }
    for (const [id, { seen }] of this.#streams) {
      if (seen === tick) continue;
      this.#streams.delete(id);
      this.#gone.set(id, tick);
    }
    for (const [id, at] of this.#gone) if (at < tick - memory) this.#gone.delete(id);
  }

  /** `tick` -1: everything. */
  since(tick: number): Changes {
    const changed = [];
    for (const stream of this.#streams.values()) if (stream.tick > tick) changed.push(stream.text);
    const gone = [];
    for (const [id, at] of this.#gone) if (at > tick) gone.push(id);
    return { changed, gone: tick < 0 ? [] : gone };
  }
}
