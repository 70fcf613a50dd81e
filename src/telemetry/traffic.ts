import type { EventCounts, Fact } from '../core/observer.ts';
import { SkewWindow } from './skew-window.ts';

type Of<F extends Fact['fact']> = Extract<Fact, { fact: F }>;

/** What has come through one socket since the start. */
export class SocketTraffic {
  readonly source: string;
  readonly endpoint: string;
  frames = 0;
  bytes = 0;
  batches = 0;
  readonly events: { -readonly [Type in keyof EventCounts]: number } = {
    BlockStored: 0,
    BlockRemoved: 0,
    AllBlocksCleared: 0,
    other: 0,
  };
  undecodable = 0;
  duplicates = 0;
  /** Milliseconds since 1970; negative before the first. */
  lastFrameAt = Number.NEGATIVE_INFINITY;
  readonly skew = new SkewWindow();

  constructor(source: string, endpoint: string) {
    this.source = source;
    this.endpoint = endpoint;
  }
}

/**
 * The facts of every frame and batch, added up by socket; metrics and status are made from it when somebody asks. What came
 * by a replay at a restart came through no socket and stands under the endpoint ''.
 */
export class Traffic {
  readonly #sockets = new Map<string, Map<string, SocketTraffic>>();
  /** Frames of one socket come one after the other. */
  #newest: SocketTraffic | null = null;

  readonly frames = ({ source, endpoint, frames, bytes, at }: Of<'frame-received'>): void => {
    const socket = this.#of(source, endpoint);
    socket.frames += frames;
    socket.bytes += bytes;
    socket.lastFrameAt = at;
  };

  readonly batches = ({ source, endpoint, batches, events, at, engineTime }: Of<'batch-accepted'>): void => {
    const socket = this.#of(source, endpoint);
    socket.batches += batches;
    socket.events.BlockStored += events.BlockStored;
    socket.events.BlockRemoved += events.BlockRemoved;
    socket.events.AllBlocksCleared += events.AllBlocksCleared;
    socket.events.other += events.other;
    if (engineTime !== null) socket.skew.note(at - engineTime, at);
  };

  readonly undecodable = ({ source, endpoint }: Of<'undecodable'>): void => {
    this.#of(source, endpoint).undecodable += 1;
  };

  readonly duplicate = ({ source, endpoint }: Of<'duplicate'>): void => {
    this.#of(source, endpoint).duplicates += 1;
  };

  /** Those of which something has come. */
  get sources(): Iterable<string> {
    return this.#sockets.keys();
  }

  sockets(source: string): readonly SocketTraffic[] {
    return [...(this.#sockets.get(source)?.values() ?? [])];
  }

  #of(source: string, endpoint: string): SocketTraffic {
    const newest = this.#newest;
    if (newest !== null && newest.endpoint === endpoint && newest.source === source) return newest;
    const sockets = this.#sockets.get(source) ?? new Map<string, SocketTraffic>();
    const socket = sockets.get(endpoint) ?? new SocketTraffic(source, endpoint);
    this.#sockets.set(source, sockets);
    sockets.set(endpoint, socket);
    this.#newest = socket;
    return socket;
  }
}
