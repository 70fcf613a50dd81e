import type { Observe } from '../core/observer.ts';
import type { Stream } from '../core/stream.ts';
import { streamId } from '../wire/stream-id.ts';
import type { Topic } from '../wire/topic.ts';
import { RecentControls } from './recent-controls.ts';
import type { Resume } from './resume.ts';
import type { StreamEntry } from './stream-entry.ts';
import { entryOf } from './stream-entry.ts';

export type { HeldFrames, StreamEntry } from './stream-entry.ts';

export interface StreamLimits {
  readonly maxStreams: number;
  /** Milliseconds without a frame after which a stream is forgotten. */
  readonly streamTtl: number;
}

/** Who has sent something: a source, and an address where that tells its publishers apart. */
export type Publisher = Pick<Stream, 'source' | 'host'>;

/** Streams by (source, host, topic, rank): bounded in number, the idle ones forgotten. */
export class StreamTable {
  readonly controls = new RecentControls();
  /** Key: stream id; least recently used first. */
  readonly #entries = new Map<string, StreamEntry>();
  /** Ranks seen per publisher and topic, for payloads that do not say theirs. */
  readonly #ranks = new Map<string, Set<string | null>>();
  readonly #limits: StreamLimits;
  readonly #observe: Observe;
  /** Streams of an earlier run that were not seen in this one yet. */
  #resumes = new Map<string, Resume>();
  #epochFloor = 0;
  /** The last of `#entries`: frames of one stream often come one after the other. */
  #newest: StreamEntry | undefined;
  /** Before this time no stream can have been idle for long enough, ms. */
  #idleFrom = 0;

  constructor(limits: StreamLimits, observe: Observe) {
    this.#limits = limits;
    this.#observe = observe;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Any new stream's epoch is higher: one that was forgotten and comes back never repeats an id. */
  get epochFloor(): number {
    return this.#epochFloor;
  }

  /** Streams that go on where checkpoints say, once they are asked for. */
  resume(resumes: ReadonlyMap<string, Resume>): void {
    this.#resumes = new Map(resumes);
  }

  /** Streams of an earlier run that nobody has asked for yet. */
  get resumable(): readonly Resume[] {
    return [...this.#resumes.values()];
  }

  /** All known streams, the least recently used first. */
  get all(): Iterable<StreamEntry> {
    return this.#entries.values();
  }

  /** The known streams of a source. */
  ofSource(source: string): readonly StreamEntry[] {
    return [...this.#entries.values()].filter(({ stream }) => stream.source === source);
  }

  /** The entry of a stream of an earlier run, made where there is none. */
  resumed({ stream }: Resume, now: number): StreamEntry {
    const { topic, pod, model, rank } = stream;
    return this.entry(stream, { text: topic, pod, model }, rank, now);
  }

  /** The stream's entry, made where there is none; `now` in ms. */
  entry(publisher: Publisher, topic: Omit<Topic, 'suffix'>, rank: string | null, now: number): StreamEntry {
    if (now > this.#idleFrom) this.#expire(now);
    const newest = this.#newest;
    if (newest !== undefined && isOf(newest.stream, publisher, topic.text, rank)) return touched(newest, now);
    const { source, host } = publisher;
    const id = `${streamId(source, host, topic.text)}/${rank ?? '-'}`;
    const known = this.#entries.get(id);
    if (known) {
      this.#entries.delete(id);
      this.#entries.set(id, known);
      this.#newest = known;
      return touched(known, now);
    }
    while (this.#entries.size >= this.#limits.maxStreams) if (!this.#evictOldest('limit')) break;
    const stream = { id, source, host, topic: topic.text, pod: topic.pod, model: topic.model, rank };
    const made = entryOf(stream, { resume: this.#resumes.get(id), controls: this.controls }, now);
    if (this.#resumes.delete(id)) this.learnRank(made);
    this.#entries.set(id, made);
    this.#newest = made;
    return made;
  }

  /** Notes that a readable payload of this topic named this rank. */
  learnRank(entry: StreamEntry): void {
    if (entry.isRankKnown) return;
    entry.isRankKnown = true;
    const { source, host, topic, rank } = entry.stream;
    const key = streamId(source, host, topic);
    const ranks = this.#ranks.get(key);
    if (ranks) ranks.add(rank);
    else this.#ranks.set(key, new Set([rank]));
  }

  /**
   * Whose frame an unreadable payload is: the topic's only rank; undefined where several are known. A topic of which
   * nothing was readable yet counts as one stream without a rank.
   */
  rankOfUnreadable({ source, host }: Publisher, topic: Topic): { readonly rank: string | null } | undefined {
    const ranks = this.#ranks.get(streamId(source, host, topic.text));
    if (ranks === undefined) return { rank: null };
    const [only] = ranks;
    return ranks.size === 1 && only !== undefined ? { rank: only } : undefined;
  }

  #expire(now: number): void {
    this.#idleFrom = now;
    for (const entry of this.#entries.values()) {
      this.#idleFrom = entry.touchedAt + this.#limits.streamTtl;
      if (now <= this.#idleFrom) return;
      if (entry.held === undefined) this.#evict(entry, 'idle');
    }
  }

  /** False where every stream has frames waiting: none can be forgotten now. */
  #evictOldest(reason: 'idle' | 'limit'): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.held !== undefined) continue;
      this.#evict(entry, reason);
      return true;
    }
    return false;
  }

  #evict(oldest: StreamEntry, reason: 'idle' | 'limit'): void {
    const { id, source, host, topic, rank } = oldest.stream;
    const publisher = streamId(source, host, topic);
    this.#entries.delete(id);
    if (this.#newest === oldest) this.#newest = undefined;
    oldest.overlap?.clear();
    this.#epochFloor = Math.max(this.#epochFloor, oldest.state?.epoch ?? 0);
    const ranks = this.#ranks.get(publisher);
    if (ranks?.delete(rank) && ranks.size === 0) this.#ranks.delete(publisher);
    const shared = oldest.state?.mode === 'shared';
    this.#observe({ fact: 'stream-evicted', source, stream: id, reason, shared, streams: this.#entries.size });
  }
}

function isOf(stream: Stream, { source, host }: Publisher, topic: string, rank: string | null): boolean {
  return stream.topic === topic && stream.rank === rank && stream.source === source && stream.host === host;
}

function touched(entry: StreamEntry, now: number): StreamEntry {
  entry.touchedAt = Math.max(entry.touchedAt, now);
  return entry;
}
