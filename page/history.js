/** @import { Document } from './feed.js' */

/** Points that are kept, one a second. */
export const length = 600;

/**
 * What the charts show: rates and lags of the last minutes, from one status document to the next.
 */
export class History {
  /** @type {number[]} */
  times = [];
  /** @type {(number | null)[]} */
  events = [];
  /** @type {(number | null)[]} */
  batches = [];
  /** By sink. @type {Map<string, (number | null)[]>} */
  lags = new Map();
  /** @type {{ at: number, events: number, batches: number } | null} */
  #last = null;

  /** The next document is not the one after the last. */
  interrupt() {
    this.#last = null;
  }

  /** @param {Document} status */
  add(status) {
    const at = status.now;
    if (at <= (this.times.at(-1) ?? 0)) return;
    const totals = totalsOf(status);
    const last = this.#last;
    /** @type {(now: number, before: number) => number | null} */
    const perSecond = (now, before) => (last === null || now < before ? null : (now - before) / (at - last.at));
    this.times.push(at);
    this.events.push(perSecond(totals.events, last?.events ?? 0));
    this.batches.push(perSecond(totals.batches, last?.batches ?? 0));
    for (const { name, lag_seconds } of status.sinks) this.#lag(name).push(lag_seconds);
    this.#last = { at, ...totals };
    const rows = [this.times, this.events, this.batches, ...this.lags.values()];
    for (const row of rows) if (row.length > length) row.splice(0, row.length - length);
  }

  /** @param {string} sink */
  #lag(sink) {
    const known = this.lags.get(sink);
    if (known !== undefined) return known;
    /** @type {(number | null)[]} */
    const made = this.times.slice(1).map(() => null);
    this.lags.set(sink, made);
    return made;
  }
}

/** @param {Document} status */
function totalsOf({ sources }) {
  let events = 0;
  let batches = 0;
  for (const source of sources) {
    const { BlockStored, BlockRemoved, AllBlocksCleared, other } = source.events;
    events += BlockStored + BlockRemoved + AllBlocksCleared + other;
    batches += source.batches;
  }
  return { events, batches };
}
