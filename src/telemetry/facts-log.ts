import type { Fact, Observe } from '../core/observer.ts';
import type { Log } from './log.ts';

/** Lines about one kind of fact of one source or sink within one window; the rest is only counted. */
const linesPerWindow = 5;
/** What repeats itself without saying anything new. */
const linesOf: Readonly<Partial<Record<Fact['fact'], number>>> = { 'source-zombie': 1 };
/** Milliseconds. */
const windowLength = 10_000;
/** A stream's name holds the topic, which a publisher chooses. */
const longestName = 256;

/**
 * Facts as log lines: what a person wants to read when it happens. What happens all the time (frames, deliveries) is for
 * the metrics alone. After a flood the next line of its kind says in `suppressed` how many were left out.
 */
export function logFacts(log: Log, now: () => number): Observe {
  const limits = new Map<string, Limit>();
  return (fact) => {
    const line = sentences[fact.fact] as ((fact: Fact) => Line | null) | undefined;
    const said = line?.(fact) ?? null;
    if (said === null || !log.isLevelEnabled(said.level)) return;
    const key = `${fact.fact} ${'sink' in fact ? fact.sink : 'source' in fact ? fact.source : ''}`;
    const limit = limits.get(key) ?? new Limit(linesOf[fact.fact] ?? linesPerWindow);
    limits.set(key, limit);
    const suppressed = limit.admit(now());
    if (suppressed !== null) log[said.level]({ ...fieldsOf(fact), ...(suppressed > 0 && { suppressed }) }, said.text);
  };
}

interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

type Sentences = { readonly [K in Fact['fact']]?: (fact: Extract<Fact, { fact: K }>) => Line | null };

const info = (text: string): Line => ({ level: 'info', text });
const warn = (text: string): Line => ({ level: 'warn', text });
const debug = (text: string): Line => ({ level: 'debug', text });

const replayTroubles = {
  replay_truncated: 'the publisher no longer has all that is missing: give it a larger replay buffer (buffer_steps)',
  replay_failed: "replay failed: check that the publisher's replay endpoint is reachable and its own",
  replay_timeout: 'replay took too long and was given up',
} as const;

/** A bridge that is active from its start has nothing to say about it. */
const roles: Readonly<Record<string, Line>> = {
  'standby start': info('standby: waits until the active bridge of this name is gone'),
  'standby fenced': info('standby from now on: waits until the bridge that took over is gone'),
  'active take-over': info('takes over: no other bridge of this name is active'),
};

const sentences: Sentences = {
  'source-open': ({ mode }) => info(mode === 'bind' ? 'source listens' : 'source connects'),
  'source-closed': () => info('source closed'),
  'source-peers': () => info('number of publishers changed'),
  'source-trouble': () => warn('connection failed or was turned away'),
  'source-zombie': () =>
    warn('the connection had ended for ever after an error of protocol (see source_troubles_total); dialled anew'),
  undecodable: () => warn('something could not be decoded and is passed on as it came'),
  duplicate: () => debug('frame received twice, dropped'),
  'stream-started': () => info('stream started'),
  'stream-gap': ({ from, to }) => warn(`events are missing: ${to - from + 1n} sequence numbers never came`),
  replay: ({ outcome, recovered }) =>
    outcome === 'complete'
      ? info(`replay: the publisher sent ${recovered} batches again`)
      : warn(`${replayTroubles[outcome]}; it sent ${recovered} batches again`),
  'stream-restarted': () => warn('publisher restarted: its numbers begin again'),
  'stream-shared': ({ shared }) =>
    shared
      ? warn('several publishers share one stream: gaps cannot be detected; give each its own topic')
      : info('stream has one publisher again'),
  'stream-evicted': ({ reason }) =>
    reason === 'limit'
      ? warn('stream forgotten: there are more than maxStreams')
      : info('stream forgotten: it was idle'),
  'sink-up': () => info('sink works'),
  'sink-down': ({ kind, message }) =>
    kind === 'closed' ? info(message) : { level: kind === 'destination' ? 'error' : 'warn', text: message },
  'sink-retry': () => debug('sink tries again'),
  'dead-lettered': () => warn('records can never be written and went to the dead letters'),
  dropped: () => warn('lane is full: records dropped for this sink'),
  'sink-note': ({ message }) => warn(message),
  role: ({ role, reason }) => roles[`${role} ${reason}`] ?? null,
  fenced: () => warn('FENCED: another bridge of this name has taken over; nothing more is written here'),
  'lease-renewal': ({ outcome }) =>
    outcome === 'failed' ? debug('the lease could not be renewed, tries again') : null,
  'lease-lapsed': ({ ttl }) =>
    warn(`the lease was not renewed within ${ttl} ms: a standby of this name may take over now`),
};

/** The fact's own fields; numbers of any size as text, names cut. The message is the sentence already. */
function fieldsOf(fact: Fact): Record<string, unknown> {
  const said = fact.fact === 'source-trouble' ? [] : ['message'];
  const fields = Object.entries(fact).filter(([key]) => !said.includes(key));
  return Object.fromEntries(fields.map(([key, value]) => [key, fieldOf(value)]));
}

function fieldOf(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'string' && value.length > longestName ? `${value.slice(0, longestName)}…` : value;
}

/** Admits a few per window and counts the rest. */
class Limit {
  #begin = Number.NEGATIVE_INFINITY;
  #admitted = 0;
  #suppressed = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Null: not now. Else how many were suppressed since the last one. */
  admit(now: number): number | null {
    if (now - this.#begin >= windowLength || now < this.#begin) {
      this.#begin = now;
      this.#admitted = 0;
    }
    if (this.#admitted >= this.#most) {
      this.#suppressed += 1;
      return null;
    }
    this.#admitted += 1;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
