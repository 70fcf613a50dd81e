import type { Expected, Profile } from '../load/profiles.ts';
import { payloadAt, topicOf } from '../load/profiles.ts';

/** What was sent: each of the streams has the numbers 0 to `batches` - 1. */
export interface Sent {
  readonly profile: Profile;
  readonly streams: number;
  readonly batches: number;
}

export interface Verdict {
  readonly expected: number;
  readonly missing: number;
  readonly doubled: number;
  /** Type, hashes or tokens are not those that were sent. */
  readonly altered: number;
  /** Records that nobody sent, gaps and undecodable ones included. */
  readonly unknown: number;
}

/** The fields that every candidate has, whatever else its records look like. */
interface Found {
  readonly type?: string;
  readonly topic?: string;
  readonly seq?: string | number | null;
  readonly index?: number | null;
  readonly block_hashes?: readonly (string | number)[];
  readonly token_ids?: readonly number[];
  /** Ours has these inside. */
  readonly event?: Pick<Found, 'block_hashes' | 'token_ids'>;
}

/** Control records that say nothing bad; `EmptyBatch` stands for a batch without events. */
const harmless = new Set(['StreamStarted', 'EmptyBatch']);

/** Checks record by record that each event that was sent stands in the output once, as it was sent. */
export class Ledger {
  readonly #sent: Sent;
  readonly #streams: ReadonlyMap<string, number>;
  /** By stream, number and index: how often it was found. */
  readonly #found = new Map<string, number>();
  #altered = 0;
  #unknown = 0;

  constructor(sent: Sent) {
    this.#sent = sent;
    this.#streams = new Map(Array.from({ length: sent.streams }, (_, stream) => [topicOf(stream), stream]));
  }

  take(text: string): void {
    const found = JSON.parse(text) as Found;
    if (harmless.has(found.type ?? '')) return;
    const expected = this.#lookUp(found);
    if (expected === undefined) {
      this.#unknown += 1;
      return;
    }
    if (!isSame(found, expected)) this.#altered += 1;
    const key = `${found.topic} ${found.seq} ${found.index}`;
    this.#found.set(key, (this.#found.get(key) ?? 0) + 1);
  }

  verdict(): Verdict {
    const expected = countEvents(this.#sent, this.#sent.batches);
    let doubled = 0;
    for (const times of this.#found.values()) doubled += times - 1;
    return { expected, missing: expected - this.#found.size, doubled, altered: this.#altered, unknown: this.#unknown };
  }

  #lookUp({ topic, seq, index }: Found): Expected | undefined {
    const stream = this.#streams.get(topic ?? '');
    const number = Number(seq ?? Number.NaN);
    const isSent = stream !== undefined && Number.isInteger(number) && number >= 0 && number < this.#sent.batches;
    return isSent ? payloadAt(this.#sent.profile, stream, number).events[index ?? -1] : undefined;
  }
}

export function isComplete({ missing, doubled, altered, unknown }: Verdict): boolean {
  return missing + doubled + altered + unknown === 0;
}

/** Of the first `batches` of each stream. */
export function countEvents({ profile, streams }: Sent, batches: number): number {
  let events = 0;
  for (let stream = 0; stream < streams; stream += 1) {
    for (let seq = 0; seq < batches; seq += 1) events += payloadAt(profile, stream, seq).events.length;
  }
  return events;
}

/** Batches without events: the bridge writes a record for each. */
export function countEmpty({ profile, streams }: Sent, batches: number): number {
  return profile.payloads.every(({ events }) => events.length === 0) ? streams * batches : 0;
}

function isSame(found: Found, expected: Expected): boolean {
  const { block_hashes: hashes = [], token_ids: tokens = [] } = found.event ?? found;
  return found.type === expected.type && sameHashes(hashes, expected.hashes) && sameTokens(tokens, expected.tokens);
}

/** Hashes as JSON numbers (the peer's) have been rounded by whoever parsed them: then both sides are. */
function sameHashes(found: readonly (string | number)[], expected: readonly string[]): boolean {
  if (found.length !== expected.length) return false;
  return found.every((hash, at) => (typeof hash === 'number' ? hash === Number(expected[at]) : hash === expected[at]));
}

function sameTokens(found: readonly number[], expected: readonly number[]): boolean {
  return found.length === expected.length && found.every((token, at) => token === expected[at]);
}
