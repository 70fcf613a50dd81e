import type { Config } from './config/config.ts';
import type { RecordForm } from './core/batch.ts';
import type { Held } from './core/checkpoint.ts';
import type { Clock } from './core/clock.ts';
import type { deliverySettings, LaneConfig } from './core/lane-settings.ts';
import type { Observe } from './core/observer.ts';
import type { SettingsValue } from './core/settings.ts';
import type { Sink, SinkModule } from './core/sink.ts';
import type { Source } from './core/source.ts';
import type { RecordTap } from './core/tap.ts';
import { Intake } from './pipeline/intake.ts';
import { Lane } from './pipeline/lane.ts';
import { Leadership } from './pipeline/leadership.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { Recoverer } from './pipeline/recoverer.ts';
import { resumesOf } from './pipeline/resume.ts';
import type { Lanes, StreamsStanding } from './pipeline/stream-status.ts';
import { standingOf } from './pipeline/stream-status.ts';
import { StreamTable } from './pipeline/streams.ts';
import { identityOf, recovererOf, socketsOf, streamsOf } from './turn-parts.ts';
import { FastTranscoder } from './wire/fast/transcoder.ts';

export interface TurnSurroundings {
  readonly modules: readonly SinkModule[];
  readonly stdout: NodeJS.WritableStream;
  readonly clock: Clock;
  /** 0 <= r < 1; spreads retries. */
  readonly random: () => number;
  readonly observe: Observe;
  readonly tap: RecordTap;
  /** Where frames come from; the sockets of the configured sources unless told. */
  readonly sources?: readonly Source[];
  /** Called when everything is open. */
  readonly onRunning: () => void;
}

/** Per sink, the records that could not be written before the drain deadline. */
export type StopReport = ReadonlyMap<string, number>;

export interface TurnStanding {
  readonly lanes: Lanes;
  readonly streams: StreamsStanding;
  /** The newest control records as JSON, newest first. */
  readonly controls: readonly Buffer[];
}

/** What a healthy lane may still take when another one has used up the drain time, ms. */
const grace = 1_000;

/**
 * The way of the data from the sources to the sinks, for as long as this bridge is the active one of its name; see
 * `Turn` in cli/supervision.ts for who calls what. Nothing of it outlives the turn.
 */
export class BridgeTurn {
  readonly #config: Config;
  readonly #around: TurnSurroundings;
  readonly #sinks = new Map<string, Sink>();
  readonly #lanes: Lane[] = [];
  readonly #sources: readonly Source[];
  readonly #streams: StreamTable;
  readonly #recoverer: Recoverer;
  readonly #stopping = new AbortController();
  /** Undefined until frames are read. */
  #path: Pipeline | undefined;
  #leadership: Leadership | null = null;
  /** The sink that keeps the lease. */
  #leader: string | null = null;
  #opening: Promise<unknown> = Promise.resolve();
  #reading: Promise<unknown> = Promise.resolve();
  /** Whether any sink keeps checkpoints: then the next start goes on where this one ends. */
  #isKept = false;
  #isFenced = false;
  #end: (how: 'stopped' | 'fenced') => void = () => undefined;
  /** Nobody reads stdout any more, or a newer bridge has taken over. */
  readonly #ended: Promise<'stopped' | 'fenced'>;

  constructor(config: Config, around: TurnSurroundings) {
    this.#config = config;
    this.#around = around;
    this.#ended = new Promise((resolve) => {
      this.#end = (how) => {
        this.#isFenced ||= how === 'fenced';
        resolve(how);
      };
    });
    const { maxStreams, streamTtl } = config;
    this.#sources = around.sources ?? socketsOf(config.sources, around.observe);
    this.#streams = new StreamTable({ maxStreams, streamTtl }, around.observe);
    this.#recoverer = recovererOf(config, around);
  }

  async waitForTurn(signal: AbortSignal): Promise<boolean> {
    await this.#makeSinks();
    return (await this.#leadership?.waitForTurn(signal)) ?? !signal.aborted;
  }

  /**
   * From the far end to the near one: sinks, sources, then what earlier runs have left to do, then frames. Rejects with a
   * `BridgeError` when a port or endpoint cannot be used. Sinks may be away: their lanes connect in the background.
   */
  async run(): Promise<'stopped' | 'fenced'> {
    const opened = this.#open();
    this.#opening = opened.catch(() => undefined);
    await opened;
    this.#around.onRunning();
    const held = await this.#checkpoints();
    if (this.#stopping.signal.aborted) return this.#ended;
    const pipeline = this.#makePipeline();
    this.#path = pipeline;
    this.#isKept = held.some((one) => one !== null);
    this.#streams.resume(resumesOf(held, streamsOf(this.#config.sources)));
    const readers = this.#sources.map((source) => pipeline.read(source));
    const caughtUp = pipeline.catchUp(this.#around.clock.now());
    // When one source fails the others are still reading: lanes must not end before they have stopped, too.
    this.#reading = Promise.allSettled([...readers, caughtUp]);
    await Promise.race([Promise.all(readers), this.#ended]);
    return this.#isFenced ? 'fenced' : 'stopped';
  }

  /** From the near end to the far one: stop receiving, drain within the configured time, close. */
  async stop(): Promise<StopReport> {
    const { clock } = this.#around;
    const { drainTimeout } = this.#config;
    this.#stopping.abort();
    for (const source of this.#sources) source.stop();
    const until = clock.now() + drainTimeout;
    await this.#opening;
    // Replays are given up first: a source may be waiting until the frames that they hold are released.
    const recovering = this.#recoverer.stop(this.#isKept);
    const received = Promise.all([this.#reading, recovering]);
    // The frame in hand may be waiting for room in a full lane, and so may the released ones.
    await within(drainTimeout, async (late) => Promise.race([received, aborted(late)]));
    const rest = Math.max(until - clock.now(), grace);
    await within(rest, (late) => Promise.all(this.#lanes.map((lane) => lane.finish(late))));
    await received;
    await within(grace, async (late) => this.#leadership?.release(late));
    await Promise.all([...this.#sources, ...this.#sinks.values()].map((part) => part.close()));
    return new Map(this.#lanes.map((lane) => [lane.name, lane.unwritten]));
  }

  /** How every stream stands, and what each lane has of it; tells the observer about both. */
  standing(): TurnStanding {
    const lanes = new Map(this.#lanes.map((lane) => [lane.name, lane.standing]));
    const streams = standingOf(this.#streams.all, lanes);
    for (const lane of this.#lanes) lane.report();
    this.#around.observe({ fact: 'streams-standing', streams: this.#streams.size, bySource: streams.bySource });
    return { lanes, streams, controls: this.#streams.controls.newest() };
  }

  async #open(): Promise<void> {
    await this.#makeSinks();
    for (const [name, sink] of this.#sinks) this.#lanes.push(this.#lane(name, sink));
    for (const lane of this.#lanes) {
      lane.start((end) => {
        if (end === 'fenced') this.#leadership?.abandon();
        this.#end(end === 'fenced' ? 'fenced' : 'stopped');
      });
    }
    for (const source of this.#sources) await source.open(() => this.#reconnected(source.name));
  }

  /** Before frames are read every stream is asked about anyway. */
  #reconnected(source: string): void {
    if (!this.#stopping.signal.aborted) void this.#path?.reconnected(source);
  }

  async #makeSinks(): Promise<void> {
    if (this.#sinks.size > 0) return;
    const { modules, stdout, clock, random, observe } = this.#around;
    for (const name of this.#config.sinks) {
      const module = modules.find((candidate) => candidate.name === name);
      if (module === undefined) throw new Error(`sink "${name}" is configured but not registered`);
      const config = this.#config.sinkConfigs[name] as Parameters<typeof module.create>[0];
      const sink = await module.create(config, { bridge: this.#config.name, stdout, observe });
      this.#sinks.set(name, sink);
      const { lease } = sink;
      const ttl = this.#config.leaseTtl;
      if (lease === undefined || this.#leadership !== null) continue;
      this.#leadership = new Leadership({ sink: name, lease, ttl, observe, clock, random });
      this.#leader = name;
    }
  }

  #lane(name: string, sink: Sink): Lane {
    const { clock, random, observe } = this.#around;
    const { maxStreams } = this.#config;
    const lane = new Lane({ name, sink, config: this.#laneConfig(name), maxStreams, observe, clock, random });
    if (name === this.#leader) void lane.opened.then(() => this.#renew());
    return lane;
  }

  /** The sink has let this bridge in: from now on it shows that it lives. */
  async #renew(): Promise<void> {
    if ((await this.#leadership?.keepRenewing()) === 'fenced') this.#end('fenced');
  }

  /**
   * What the sinks hold; null for one that keeps no checkpoints, or that is away for longer than `checkpointWait`. Those
   * that promise each record once are waited for.
   */
  #checkpoints(): Promise<readonly Held[]> {
    const { clock } = this.#around;
    const stopped = aborted(this.#stopping.signal).then(() => null);
    const waits = this.#lanes.map((lane) => {
      const isExact = this.#laneConfig(lane.name).delivery === 'exactly-once';
      const late = isExact ? stopped : clock.sleep(this.#config.checkpointWait, this.#stopping.signal).then(() => null);
      return Promise.race([lane.opened, late, this.#ended.then(() => null)]);
    });
    return Promise.all(waits);
  }

  /** Every sink's section has the settings of its lane; those of some say how they deliver. */
  #laneConfig(name: string): LaneConfig & Partial<SettingsValue<typeof deliverySettings>> {
    return this.#config.sinkConfigs[name] as LaneConfig;
  }

  #makePipeline(): Pipeline {
    const { sources } = this.#config;
    const intake = new Intake({
      streams: this.#streams,
      forms: new Set<RecordForm>(this.#lanes.map((lane) => lane.form)),
      transcoder: new FastTranscoder(() => this.#around.observe({ fact: 'transcode-fallback' })),
      rules: new Map(sources.map((source) => [source.name, { ...source, identity: identityOf(source) }])),
      canReplay: (entry, now, afresh) => this.#recoverer.canReplay(entry, now, afresh),
      canCheck: (entry) => this.#recoverer.canCheck(entry),
      observe: this.#around.observe,
    });
    const { tap } = this.#around;
    return new Pipeline({ intake, streams: this.#streams, lanes: this.#lanes, recoverer: this.#recoverer, tap });
  }
}

/** Does the work; the signal aborts after `ms` milliseconds. */
async function within<T>(ms: number, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
