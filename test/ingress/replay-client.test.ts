import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { MessageLike, SocketOptions } from 'zeromq';
import { Dealer, Publisher, Router } from 'zeromq';
import type { AttemptOptions, AttemptOutcome, ReplayedFrame } from '../../src/core/replay.ts';
import type { Security } from '../../src/core/security.ts';
import { noSecurity } from '../../src/core/security.ts';
import type { ZmqReplayClientOptions } from '../../src/ingress/replay-client.ts';
import { ZmqReplayClient } from '../../src/ingress/replay-client.ts';
import { ReplayServer, sequenceFrame } from '../../src/simulator/replay.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const forever = new AbortController().signal;
const plenty = 1_000_000_000;
/** For publishers that never get as far as an answer. */
const short = { connect: 400, firstAnswer: 400 };
/** For publishers that answer, and are silent then. */
const silent = { connect: 10_000, firstAnswer: 10_000, idle: 300 };
const endMarker: readonly MessageLike[] = ['', Buffer.alloc(8, 0xff), ''];

const batch = (seq: number | bigint, payload: MessageLike = `batch ${seq}`): MessageLike[] => [
  '',
  sequenceFrame(BigInt(seq)),
  payload,
];

const upTo = (count: number) => Array.from({ length: count }, (_, index) => BigInt(index));

interface Attempt extends AttemptOutcome {
  readonly taken: readonly ReplayedFrame[];
  readonly seqs: readonly bigint[];
}

function createClient(options: Partial<ZmqReplayClientOptions> = {}): ZmqReplayClient {
  return new ZmqReplayClient({ maxMessageSize: 64 * 1024 * 1024, ...options });
}

async function ask(
  client: ZmqReplayClient,
  endpoint: string,
  from = 0n,
  { security = noSecurity, ...options }: Partial<AttemptOptions & { readonly security: Security }> = {},
): Promise<Attempt> {
  const taken: ReplayedFrame[] = [];
  const outcome = await client.attempt(
    { endpoint, security },
    from,
    { maxBytes: plenty, signal: forever, ...options },
    (frame) => {
      taken.push(frame);
    },
  );
  expect(outcome.frames).toBe(taken.length);
  return { ...outcome, taken, seqs: taken.map(({ seq }) => seq) };
}

/** Our simulator's replay socket with batches 0 to `count - 1`. */
async function serve(count: number, topic: string | null, payload?: Buffer): Promise<string> {
  const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
  const server = new ReplayServer({ endpoint, bufferBatches: 20_000, topic });
  for (const sequence of upTo(count)) {
    server.remember({ sequence, payload: payload ?? Buffer.from(`batch ${sequence}`) });
  }
  await server.open();
  cleanups.push(() => server.close());
  return endpoint;
}

type Answer = (publisher: ScriptedPublisher, start: bigint) => Promise<void> | void;

/** A replay socket that answers as the test says. */
class ScriptedPublisher {
  readonly starts: bigint[] = [];
  readonly #router: Router;
  readonly #answer: (publisher: ScriptedPublisher, start: bigint) => Promise<void> | void;
  #identity: Buffer = Buffer.alloc(0);
  #closed = false;

  private constructor(answer: Answer, options: SocketOptions<Router>) {
    this.#router = new Router({ ipv6: true, linger: 0, receiveTimeout: 50, sendHighWaterMark: 0, ...options });
    this.#answer = answer;
  }

  static async bind(
    endpoint: string,
    answer: Answer = () => undefined,
    options: SocketOptions<Router> = {},
  ): Promise<ScriptedPublisher> {
    const publisher = new ScriptedPublisher(answer, options);
    await publisher.#router.bind(endpoint);
    const served = publisher.#serve();
    cleanups.push(async () => {
      publisher.#closed = true;
      await served;
      publisher.#router.close();
    });
    return publisher;
  }

  get endpoint(): string {
    return String(this.#router.lastEndpoint);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends to whoever asked last, or to `identity`. */
  async send(parts: readonly MessageLike[], identity = this.#identity): Promise<void> {
    await this.#router.send([identity, ...parts]);
  }

  get identity(): Buffer {
    return this.#identity;
  }

  async #serve(): Promise<void> {
    while (!this.#closed) {
      try {
        const [identity, , start] = await this.#router.receive();
        this.#identity = identity ?? this.#identity;
        this.starts.push(start?.readBigUInt64BE() ?? -1n);
        await this.#answer(this, this.starts.at(-1) ?? -1n);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    }
  }
}

const anyPort = 'tcp://127.0.0.1:0';

/** Answers every request with the same messages. */
const always =
  (...messages: readonly (readonly MessageLike[])[]) =>
  async (publisher: ScriptedPublisher) => {
    for (const message of messages) await publisher.send(message);
  };

describe('an attempt', () => {
  it.each([
    ['without a topic, as vLLM up to v0.25', null],
    ['with a topic, as vLLM since v0.26', 'kv@10.0.0.5@org/m'],
    ['with an empty topic', ''],
  ])('takes answers %s', async (_, topic) => {
    const before = Date.now();
    const { taken, ...outcome } = await ask(createClient(), await serve(20, topic), 5n);
    expect(outcome).toMatchObject({ end: 'end', frames: 15, unreadable: 0, seqs: upTo(20).slice(5) });
    expect(outcome).not.toHaveProperty('message');
    expect(taken.map(({ payload }) => String(payload))).toEqual(outcome.seqs.map((seq) => `batch ${seq}`));
    expect(new Set(taken.map((frame) => frame.topic?.toString() ?? null))).toEqual(new Set([topic]));
    expect(taken[0]?.receivedAt).toBeGreaterThanOrEqual(before);
    expect(taken.at(-1)?.receivedAt).toBeLessThanOrEqual(Date.now());
  });

  it('takes 10 000 batches of 4 KiB without a hole', async () => {
    const attempt = await ask(createClient(), await serve(10_000, 'topic', Buffer.alloc(4_096, 1)));
    expect(attempt.end).toBe('end');
    expect(attempt.seqs).toEqual(upTo(10_000));
  });

  it('gets the end alone for a start beyond the last batch', async () => {
    expect(await ask(createClient(), await serve(3, null), 999n)).toMatchObject({ end: 'end', frames: 0 });
  });

  it('tells the highest number from the end marker, which has the same', async () => {
    const highest = 2n ** 64n - 1n;
    const publisher = await ScriptedPublisher.bind(anyPort, always(batch(highest), endMarker));
    expect(await ask(createClient(), publisher.endpoint, highest)).toMatchObject({ end: 'end', seqs: [highest] });
    expect(publisher.starts).toEqual([highest]);
  });

  it('connects over IPv6', async () => {
    const publisher = await ScriptedPublisher.bind('tcp://[::1]:0', always(batch(7), endMarker));
    expect(publisher.endpoint).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    expect(await ask(createClient(), publisher.endpoint)).toMatchObject({ end: 'end', seqs: [7n] });
  });

  it('hands over copies of its own', async () => {
    const received: Buffer[] = [];
    const receive = Dealer.prototype.receive;
    vi.spyOn(Dealer.prototype, 'receive').mockImplementation(async function (this: Dealer) {
      const parts = await receive.call(this);
      received.push(...parts);
      return parts;
    });
    const payload = Buffer.alloc(1_000, 'x');
    const { taken } = await ask(createClient(), await serve(3, 'topic', payload));
    for (const part of received) part.fill(0);
    expect(received.length).toBeGreaterThan(9);
    expect(taken.map((frame) => [String(frame.topic), frame.payload])).toEqual(Array(3).fill(['topic', payload]));
  });

  it('reaches a publisher whose socket is bound a moment later', async () => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    const attempt = ask(createClient({ timeouts: { connect: 10_000 } }), endpoint);
    await sleep(300);
    await ScriptedPublisher.bind(endpoint, always(batch(0), endMarker));
    expect(await attempt).toMatchObject({ end: 'end', seqs: [0n] });
  });
});

describe('a replay with holes', () => {
  /** Sends on without waiting for anybody, as vLLM does, so that a low high-water mark makes libzmq drop. */
  async function bindDropping(count: number, sendHighWaterMark: number, endsSafely: boolean) {
    const payload = Buffer.alloc(20_000, 1);
    const answer = async (publisher: ScriptedPublisher, start: bigint) => {
      for (const seq of upTo(count).slice(Number(start))) await publisher.send(batch(seq, payload));
      if (!endsSafely) return;
      await sleep(200);
      await publisher.send(endMarker);
    };
    return ScriptedPublisher.bind(anyPort, answer, { sendHighWaterMark });
  }

  it.each([
    ['end', true],
    ['idle', false],
  ] as const)('gives what came, and %s', async (end, endsSafely) => {
    const publisher = await bindDropping(3_000, 20, endsSafely);
    const attempt = await ask(createClient({ timeouts: { idle: 1_000 } }), publisher.endpoint);
    expect(attempt.end).toBe(end);
    expect(attempt.frames).toBeGreaterThan(0);
    expect(attempt.frames).toBeLessThan(3_000);
    expect(attempt.seqs).toEqual(attempt.seqs.toSorted((a, b) => Number(a - b)));
  });

  it('is whole after asking again from the first hole often enough', async () => {
    const publisher = await bindDropping(2_000, 200, true);
    const client = createClient();
    let next = 0n;
    while (next < 2_000n) {
      const { seqs } = await ask(client, publisher.endpoint, next);
      for (const seq of seqs) if (seq === next) next += 1n;
    }
    expect(next).toBe(2_000n);
    expect(publisher.starts.length).toBeGreaterThan(1);
  });
});

describe('a publisher that does not answer', () => {
  it('is given up after a silence without an end marker', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, always(batch(0), batch(1)));
    const attempt = await ask(createClient({ timeouts: silent }), publisher.endpoint);
    expect(attempt).toMatchObject({ end: 'idle', seqs: [0n, 1n], message: expect.stringMatching(/silent for 300 ms/) });
  });

  it('is given up when it takes the request and hangs', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort);
    const attempt = await ask(createClient({ timeouts: { ...short, connect: 10_000 } }), publisher.endpoint, 3n);
    expect(attempt).toMatchObject({ end: 'idle', frames: 0, message: expect.stringMatching(/not answer for 400 ms/) });
    expect(publisher.starts).toEqual([3n]);
  });

  it('may take longer for its first answer than between two', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, async (self) => {
      await sleep(1_000);
      await self.send(batch(0));
      await self.send(endMarker);
    });
    const client = createClient({ timeouts: { firstAnswer: 20_000, idle: 200 } });
    expect(await ask(client, publisher.endpoint)).toMatchObject({ end: 'end', frames: 1 });
  });

  it('is not taken for silent because this process stood still', async () => {
    const receive = Dealer.prototype.receive;
    let calls = 0;
    vi.spyOn(Dealer.prototype, 'receive').mockImplementation(async function (this: Dealer) {
      calls += 1;
      if (calls !== 2) return receive.call(this);
      // As after a suspension: the timer is late and fires before libzmq's thread has read anything.
      const until = performance.now() + 600;
      while (performance.now() < until);
      throw Object.assign(new Error('timed out'), { code: 'EAGAIN' });
    });
    const client = createClient({ timeouts: { idle: 500 } });
    expect(await ask(client, await serve(3, null))).toMatchObject({ end: 'end', frames: 3 });
    expect(calls).toBeGreaterThan(2);
  });

  it('is unreachable when it accepts connections and never speaks', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await waitFor(() => server.listening, { what: 'the server listens', every: 5 });
    let connections = 0;
    server.on('connection', (socket) => {
      connections += 1;
      cleanups.push(() => socket.destroy());
    });
    cleanups.push(() => server.close());
    const { port } = server.address() as { port: number };
    const attempt = await ask(createClient({ timeouts: short }), `tcp://127.0.0.1:${port}`);
    expect(attempt).toMatchObject({ end: 'unreachable', frames: 0 });
    expect(connections).toBeGreaterThan(0);
  });

  it('is unreachable when the port belongs to a publisher’s live socket', async () => {
    const publisher = new Publisher({ linger: 0 });
    await publisher.bind(anyPort);
    cleanups.push(() => publisher.close());
    const attempt = await ask(createClient({ timeouts: short }), String(publisher.lastEndpoint));
    expect(attempt).toMatchObject({ end: 'unreachable', frames: 0 });
  });

  it('is unreachable when nobody is there, and the request does not reach whoever comes later', async () => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    const client = createClient({ timeouts: { connect: 400 } });
    expect(await ask(client, endpoint, 1n)).toMatchObject({
      end: 'unreachable',
      frames: 0,
      message: expect.stringMatching(`no replay socket at ${endpoint} within 400 ms`),
    });
    const publisher = await ScriptedPublisher.bind(endpoint, always(batch(2), endMarker));
    expect(await ask(createClient(), endpoint, 2n)).toMatchObject({ end: 'end', seqs: [2n] });
    expect(publisher.starts).toEqual([2n]);
  });

  it('is given up when a frame above maxMessageSize costs the connection', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, always(batch(0), batch(1, Buffer.alloc(5_000)), endMarker));
    const attempt = await ask(createClient({ maxMessageSize: 4_000, timeouts: silent }), publisher.endpoint);
    expect(attempt).toMatchObject({ end: 'idle', seqs: [0n] });
  });
});

describe('the byte budget', () => {
  /** 8 bytes of number each. */
  const thousand = Buffer.alloc(992);

  it('ends an attempt before the answer that would exceed it', async () => {
    const endpoint = await serve(100, null, thousand);
    expect(await ask(createClient(), endpoint, 0n, { maxBytes: 10_999 })).toMatchObject({ end: 'budget', frames: 10 });
  });

  it('lets an answer pass that fits exactly', async () => {
    const endpoint = await serve(10, null, thousand);
    expect(await ask(createClient(), endpoint, 0n, { maxBytes: 10_000 })).toMatchObject({ end: 'end', frames: 10 });
  });

  it('counts the topic', async () => {
    const endpoint = await serve(10, 't'.repeat(1_000), thousand);
    expect(await ask(createClient(), endpoint, 0n, { maxBytes: 10_000 })).toMatchObject({ end: 'budget', frames: 5 });
  });

  it('hands over a first batch that alone is larger, so that every attempt makes progress', async () => {
    const endpoint = await serve(10, null, thousand);
    expect(await ask(createClient(), endpoint, 3n, { maxBytes: 1 })).toMatchObject({ end: 'budget', seqs: [3n] });
  });

  it('hands over a first batch that is too large also after unreadable answers', async () => {
    const answers = [['', 'short', 'x'], batch(4, thousand), batch(5)];
    const publisher = await ScriptedPublisher.bind(anyPort, always(...answers));
    const attempt = await ask(createClient(), publisher.endpoint, 4n, { maxBytes: 100 });
    expect(attempt).toMatchObject({ end: 'budget', seqs: [4n], unreadable: 1 });
  });

  it('ends a replay that never ends by itself', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, async (self) => {
      for (let seq = 0; seq < 100_000 && !self.closed; seq += 1) await self.send(batch(seq, thousand));
    });
    const attempt = await ask(createClient(), publisher.endpoint, 0n, { maxBytes: 500_000 });
    expect(attempt).toMatchObject({ end: 'budget', seqs: upTo(500) });
  });
});

describe('an aborted attempt', () => {
  it('asks nobody when it is aborted before', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, always(batch(0), endMarker));
    const attempt = await ask(createClient(), publisher.endpoint, 1n, { signal: AbortSignal.abort() });
    expect(attempt).toMatchObject({ end: 'aborted', frames: 0 });
    await ask(createClient(), publisher.endpoint, 2n);
    expect(publisher.starts).toEqual([2n]);
  });

  it('hands nothing over after the abort', async () => {
    const endpoint = await serve(1_000, null);
    const stop = new AbortController();
    const taken: bigint[] = [];
    const outcome = await createClient().attempt(
      { endpoint, security: noSecurity },
      0n,
      { maxBytes: plenty, signal: stop.signal },
      ({ seq }) => {
        taken.push(seq);
        if (seq === 4n) stop.abort();
      },
    );
    expect(outcome).toEqual({ end: 'aborted', frames: 5, unreadable: 0 });
    expect(taken).toEqual(upTo(5));
  });

  it('lets timers run while answers pour in', async () => {
    const endpoint = await serve(10_000, null);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 20);
    cleanups.push(() => clearTimeout(timer));
    let taken = 0;
    const outcome = await createClient().attempt(
      { endpoint, security: noSecurity },
      0n,
      { maxBytes: plenty, signal: stop.signal },
      () => {
        taken += 1;
        const until = performance.now() + 1;
        while (performance.now() < until);
      },
    );
    expect(outcome).toMatchObject({ end: 'aborted' });
    expect(taken).toBeLessThan(500);
  });

  it('ends while the publisher is silent', async () => {
    const stop = new AbortController();
    const publisher = await ScriptedPublisher.bind(anyPort, () => stop.abort());
    const client = createClient({ timeouts: { firstAnswer: 60_000 } });
    expect(await ask(client, publisher.endpoint, 0n, { signal: stop.signal })).toMatchObject({ end: 'aborted' });
  });

  it('ends while nobody is there', async () => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    const client = createClient({ timeouts: { connect: 60_000 } });
    const attempt = await ask(client, endpoint, 0n, { signal: AbortSignal.timeout(150) });
    expect(attempt).toMatchObject({ end: 'aborted', frames: 0 });
  });

  it('ends while it waits for its turn', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort);
    const client = createClient({ concurrency: 1, timeouts: { firstAnswer: 60_000 } });
    const stop = new AbortController();
    const first = ask(client, publisher.endpoint, 1n, { signal: stop.signal });
    const second = ask(client, publisher.endpoint, 2n, { signal: AbortSignal.timeout(100) });
    expect(await second).toMatchObject({ end: 'aborted', frames: 0 });
    stop.abort();
    expect(await first).toMatchObject({ end: 'aborted' });
    expect(publisher.starts).not.toContain(2n);
  });
});

describe('unreadable answers', () => {
  const fiveFrames = ['', 'a', 'b', 'c', 'd'];
  const shortNumber = ['', '1234567', 'batch'];

  it('are passed over and counted', async () => {
    const answers = [fiveFrames, batch(0), shortNumber, batch(1), endMarker];
    const publisher = await ScriptedPublisher.bind(anyPort, always(...answers));
    expect(await ask(createClient(), publisher.endpoint)).toMatchObject({
      end: 'end',
      unreadable: 2,
      seqs: [0n, 1n],
      message: '2 answers could not be read, the first: 4 frames after the delimiter, expected 2 or 3',
    });
  });

  it.each([
    ['and an end marker', [shortNumber, endMarker]],
    ['and silence', [shortNumber]],
  ])('and nothing else %s are malformed', async (_, answers) => {
    const publisher = await ScriptedPublisher.bind(anyPort, always(...answers));
    const attempt = await ask(createClient({ timeouts: { idle: 300 } }), publisher.endpoint);
    expect(attempt).toMatchObject({ end: 'malformed', frames: 0, unreadable: 1 });
  });

  it('count towards the byte budget', async () => {
    const publisher = await ScriptedPublisher.bind(anyPort, async (self) => {
      for (let count = 0; count < 100_000 && !self.closed; count += 1) await self.send(shortNumber);
    });
    const attempt = await ask(createClient(), publisher.endpoint, 0n, { maxBytes: 1_200 });
    expect(attempt).toMatchObject({ end: 'budget', frames: 0, unreadable: 100 });
  });
});

describe('an endpoint that cannot be meant', () => {
  it.each(['', 'tcp://*:5558', 'tcp://host', 'tcp://host:0', 'tcp://host:70000', 'http://host:1', 'tcp://{pod}:5558'])(
    '%j is unreachable at once, with the reason',
    async (endpoint) => {
      const attempt = await ask(createClient({ timeouts: { connect: 60_000 } }), endpoint);
      expect(attempt).toMatchObject({ end: 'unreachable', frames: 0, message: expect.stringContaining(endpoint) });
    },
  );

  it('a name that does not resolve is unreachable in time', async () => {
    const attempt = await ask(createClient({ timeouts: short }), 'tcp://no-such-host.invalid:5558');
    expect(attempt).toMatchObject({ end: 'unreachable', frames: 0 });
  });
});

describe('many attempts', () => {
  it('run up to the limit at a time, the others in their order', async () => {
    const waiting: Buffer[] = [];
    const publisher = await ScriptedPublisher.bind(anyPort, (self) => {
      waiting.push(self.identity);
    });
    const client = createClient({ concurrency: 2, timeouts: { firstAnswer: 60_000 } });
    const attempts = upTo(6).map((from) => ask(client, publisher.endpoint, from));
    for (let answered = 0; answered < 6; answered += 1) {
      await waitFor(() => waiting.length > 0 && publisher.starts.length === Math.min(6, answered + 2), {
        what: `request ${answered} came`,
        every: 5,
      });
      expect(waiting.length).toBeLessThanOrEqual(2);
      await publisher.send(endMarker, waiting.shift());
    }
    expect((await Promise.all(attempts)).map(({ end }) => end)).toEqual(Array(6).fill('end'));
    expect(publisher.starts.slice(0, 2).toSorted()).toEqual([0n, 1n]);
    expect(publisher.starts.slice(2)).toEqual([2n, 3n, 4n, 5n]);
  });

  it('go on after one whose taker throws', async () => {
    const endpoint = await serve(3, null);
    const client = createClient({ concurrency: 1 });
    const broken = client.attempt({ endpoint, security: noSecurity }, 0n, { maxBytes: plenty, signal: forever }, () => {
      throw new Error('broken taker');
    });
    await expect(broken).rejects.toThrow('broken taker');
    expect(await ask(client, endpoint)).toMatchObject({ end: 'end', frames: 3 });
  });

  it('leave no file descriptor behind, however they end', async () => {
    const openFiles = () => readdirSync('/proc/self/fd').length;
    // Held, or the garbage collector would close what was left open.
    const sockets: Dealer[] = [];
    const connect = Dealer.prototype.connect;
    vi.spyOn(Dealer.prototype, 'connect').mockImplementation(function (this: Dealer, endpoint) {
      sockets.push(this);
      connect.call(this, endpoint);
    });
    const [good, dead] = [await serve(50, 'topic'), `tcp://127.0.0.1:${await freePorts()}`];
    const hung = await ScriptedPublisher.bind(anyPort);
    const client = createClient({ timeouts: { connect: 100, firstAnswer: 100 } });
    const round = () =>
      Promise.all([
        ask(client, good),
        ask(client, good, 0n, { maxBytes: 100 }),
        ask(client, dead),
        ask(client, hung.endpoint),
        ask(client, 'tcp://*:1'),
      ]);
    await round();
    const before = openFiles();
    const ends = new Set<string>();
    for (let count = 0; count < 10; count += 1) for (const { end } of await round()) ends.add(end);
    expect(ends).toEqual(new Set(['end', 'budget', 'unreachable', 'idle']));
    expect(sockets).toHaveLength(44);
    expect(sockets.filter(({ closed }) => !closed)).toEqual([]);
    // libzmq's reaper thread closes them a moment after the call.
    await waitFor(() => openFiles() <= before + 2, { what: 'the sockets’ descriptors are closed', every: 20 });
  });
});
