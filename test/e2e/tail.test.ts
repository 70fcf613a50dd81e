import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../support/ports.ts';
import type { RecordStore, StoreName } from '../support/record-stores.ts';
import { fixtureRecords, RecordStores } from '../support/record-stores.ts';
import { assertRecord } from '../support/schema.ts';
import { waitFor } from '../support/services/service.ts';
import { hasTerminals, Terminal } from '../support/terminal.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf } from './records.ts';

type Line = Readonly<Record<string, unknown>>;

const main = new URL('../../dist/main.js', import.meta.url).pathname;
const model = 'Qwen/Qwen3-0.6B';
/** A token id that nothing else looks like. */
const token = 987_654_321;

const folder = mkdtempSync(join(tmpdir(), 'kv-tail-'));
const stores = new RecordStores();

beforeAll(() => stores.open(), 300_000);
afterAll(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

class Tail extends Program {
  static start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Tail {
    const tail = new Tail('tail', { args, env });
    onTestFinished(async () => void (await tail.stop('SIGKILL')));
    return tail;
  }

  get lines(): readonly Line[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return linesOf(whole).map((line) => JSON.parse(line) as Line);
  }

  /** What it has shown once there are so many lines. */
  async shows(count: number): Promise<readonly Line[]> {
    const what = () => `${count} records are shown (${this.lines.length}; ${this.stderr})`;
    await waitFor(() => this.lines.length >= count, { what: what() });
    return this.lines;
  }

  async notes(text: string): Promise<void> {
    await waitFor(() => this.stderr.includes(text), { what: `it notes ${text}` });
  }
}

const typesOf = (lines: readonly Line[]) => lines.map(({ type }) => type);

/** A batch of one BlockStored of two tokens. */
async function publish(publisher: RawPublisher, seq: number, pod = '10.0.0.5'): Promise<void> {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(seq));
  const event = ['BlockStored', [seq + 1], null, [token, token], 2, null, 'GPU', null];
  await publisher.send(`kv@${pod}@${model}`, number, Buffer.from(encode([1_763_800_000 + seq, [event], 0])));
}

async function boundPublisher(): Promise<{ publisher: RawPublisher; endpoint: string }> {
  const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
  const publisher = await RawPublisher.bind(endpoint);
  onTestFinished(() => publisher.close());
  return { publisher, endpoint };
}

async function dialling(port: number): Promise<RawPublisher> {
  const publisher = RawPublisher.connect(`tcp://127.0.0.1:${port}`);
  onTestFinished(() => publisher.close());
  await publisher.subscribed();
  return publisher;
}

const heard = ['StreamStarted', 'BlockStored', 'BlockStored', 'StreamGap', 'BlockStored'];

describe('tail of a publisher', () => {
  it('connects to it, and says what is missing as a bridge would', async () => {
    const { publisher, endpoint } = await boundPublisher();
    const tail = Tail.start([endpoint, '--tokens']);
    await publisher.subscribed();
    for (const seq of [0, 1, 4]) await publish(publisher, seq);
    const lines = await tail.shows(5);
    expect(typesOf(lines)).toEqual(heard);
    expect(lines[3]).toMatchObject({ from_seq: '2', to_seq: '3', missing: '2', reason: 'no_replay' });
    for (const line of lines) assertRecord(line);
    expect(tail.stderr).toContain(`connecting to ${endpoint}`);
    expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('listens for those that dial in, with --bind', async () => {
    const port = await freePorts();
    const tail = Tail.start(['--bind', `tcp://127.0.0.1:${port}`]);
    const publisher = await dialling(port);
    for (const seq of [0, 1, 4]) await publish(publisher, seq);
    expect(typesOf(await tail.shows(5))).toEqual(heard);
    expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('ends after --count records', async () => {
    const { publisher, endpoint } = await boundPublisher();
    const tail = Tail.start([endpoint, '--count', '2', '--type', 'BlockStored']);
    await publisher.subscribed();
    for (const seq of [0, 1, 2]) await publish(publisher, seq);
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(tail.lines.map(({ seq }) => seq)).toEqual(['0', '1']);
  });

  it('waits for one that is not there yet', async () => {
    const port = await freePorts();
    const endpoint = `tcp://127.0.0.1:${port}`;
    const tail = Tail.start([endpoint]);
    await tail.notes('connecting to');
    const publisher = await RawPublisher.bind(endpoint);
    onTestFinished(() => publisher.close());
    await publisher.subscribed();
    await publish(publisher, 0);
    expect(typesOf(await tail.shows(2))).toEqual(heard.slice(0, 2));
  });

  it('asks it for what it has sent before, with --replay-endpoint', async () => {
    const port = await freePorts(2);
    const [endpoint, replay] = [`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port + 1}`];
    const args = ['--bind', endpoint, '--replay', replay, '--count', '10000', '--rate', '100', '--seed', '1'];
    const engine = new Program('simulate', { args });
    onTestFinished(async () => void (await engine.stop('SIGKILL')));
    // What the first has heard, the second can only get again.
    const first = Tail.start([endpoint, '--type', 'BlockStored', '--count', '1']);
    expect(await first.exited, first.stderr).toBe(0);
    const second = Tail.start([endpoint, '--replay-endpoint', replay, '--count', '3']);
    expect(await second.exited, second.stderr).toBe(0);
    expect(second.lines.map(({ seq, origin }) => [seq, origin])).toEqual([
      ['0', 'replay'],
      ['0', 'replay'],
      ['1', 'replay'],
    ]);
  });

  it('says so where the port is taken, and ends with 1', async () => {
    const { endpoint } = await boundPublisher();
    const tail = Tail.start(['--bind', endpoint]);
    expect(await tail.exited).toBe(1);
    expect(tail.stderr).toContain(endpoint);
  });
});

describe('tail of a running bridge', () => {
  let runs = 0;

  async function bridge(env: Readonly<Record<string, string>> = {}) {
    const port = await freePorts();
    const dir = join(folder, `bridge-${runs++}`);
    const running = await Bridge.start({ SINKS: 'file', FILE_DIR: dir, ZMQ_PORT: String(port), ...env });
    onTestFinished(async () => void (await running.stop('SIGKILL')));
    return { running, port, url: String(running.http) };
  }

  it('shows what it writes from now on, by stream, model and type', async () => {
    const { port, url, running } = await bridge();
    const publisher = await dialling(port);
    await publish(publisher, 0);
    await waitFor(async () => (await running.metric('kv_event_bridge_sink_records_delivered_total')) > 0, {
      what: 'the first is written',
    });
    const all = Tail.start([url]);
    const one = Tail.start([url, '--stream', '10.0.0.6']);
    const gaps = Tail.start([url, '--type', 'StreamGap', '--model', model]);
    const none = Tail.start([url, '--model', 'another']);
    for (const tail of [all, one, gaps, none]) await tail.notes('connected to');
    await publish(publisher, 1);
    await publish(publisher, 4);
    await publish(publisher, 0, '10.0.0.6');
    expect(typesOf(await all.shows(5))).toEqual([
      ...['BlockStored', 'StreamGap', 'BlockStored', 'StreamStarted', 'BlockStored'],
    ]);
    expect(typesOf(await one.shows(2))).toEqual(['StreamStarted', 'BlockStored']);
    expect(typesOf(await gaps.shows(1))).toEqual(['StreamGap']);
    expect(none.stdout).toBe('');
    for (const tail of [all, one, gaps, none]) expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('is what there is without a target, where no enabled sink can be read', async () => {
    const http = String(await freePorts());
    const { port } = await bridge({ SINKS: 'stdout', HTTP_PORT: http });
    const tail = Tail.start(['--count', '2'], { HTTP_PORT: http });
    await tail.notes(`connected to http://localhost:${http}`);
    await publish(await dialling(port), 0);
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(typesOf(tail.lines)).toEqual(heard.slice(0, 2));
  });

  it('waits for a bridge that goes away, whether it ended well or was killed', async () => {
    const http = String(await freePorts());
    const { running: first, url } = await bridge({ HTTP_PORT: http });
    const tail = Tail.start([url]);
    let seq = 0;
    let running = first;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await tail.notes('connected to');
      await running.stop(signal);
      await tail.notes('is gone');
      tail.stderr = '';
      const next = await bridge({ HTTP_PORT: http });
      running = next.running;
      await tail.notes('again; what it wrote meanwhile is not shown');
      const before = tail.lines.length;
      await publish(await dialling(next.port), seq++, '10.0.0.7');
      await tail.shows(before + 2);
    }
    expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('says so where there is none, and ends with 1', async () => {
    const url = `http://127.0.0.1:${await freePorts()}`;
    const tail = Tail.start([url]);
    expect(await tail.exited).toBe(1);
    expect(tail.stderr).toContain(`no bridge answers at ${url}`);
    expect(tail.stderr).toContain('http.port');
  });

  it('passes on why a bridge refuses', async () => {
    const { url } = await bridge();
    const tail = Tail.start([url, '--tokens']);
    expect(await tail.exited).toBe(1);
    expect(tail.stderr).toContain('answered 403');
    expect(tail.stderr).toContain('HTTP_TOKENS');
  });

  it('shows token ids where the bridge may and the reader asks', async () => {
    const { port, url } = await bridge({ HTTP_TOKENS: 'true' });
    const shown = Tail.start([url, '--tokens']);
    const hidden = Tail.start([url]);
    for (const tail of [shown, hidden]) await tail.notes('connected to');
    await publish(await dialling(port), 0);
    await shown.shows(2);
    await hidden.shows(2);
    expect(shown.stdout).toContain(String(token));
    expect(hidden.stdout).not.toContain(String(token));
    expect(hidden.lines[1]?.['event']).toMatchObject({ token_ids_hidden: 2 });
  });
});

/** Per stream: the partitions of a topic have no order among each other. */
function byStream(lines: readonly Line[]): Readonly<Record<string, readonly unknown[]>> {
  const streams = new Set(lines.map(({ stream }) => String(stream)));
  const idsOf = (id: string) => lines.filter(({ stream }) => stream === id).map((line) => line['id']);
  return Object.fromEntries([...streams].map((id) => [id, idsOf(id)]));
}

const records = fixtureRecords();
const parsed = records.map((text) => JSON.parse(text) as Line);

describe.each<StoreName>(['file', 'redis', 'kafka'])('tail of what a sink has written: %s', (name) => {
  let store: RecordStore;
  const tailOf = (...args: string[]) => Tail.start([name, ...args], store.env);
  const all = ['--from', 'start', '--no-follow'];

  beforeAll(async () => {
    store = await stores.place(name);
    await store.append(records);
  });

  it('shows all that is there, one document per line, and ends', async () => {
    const tail = tailOf(...all, '--tokens');
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(byStream(tail.lines)).toEqual(byStream(parsed));
    expect(linesOf(tail.stdout).toSorted()).toEqual([...records].toSorted());
  });

  it('hides token ids unless it is told not to', async () => {
    const tail = tailOf(...all, '--type', 'BlockStored');
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(tail.lines).toHaveLength(6);
    for (const { event } of tail.lines) {
      expect(event).not.toHaveProperty('token_ids');
      expect(event).toHaveProperty('token_ids_hidden');
    }
  });

  it.each<[string[], (line: Line) => boolean]>([
    [['--stream', '10.0.0.6'], ({ pod }) => pod === '10.0.0.6'],
    [['--model', model, '--type', 'BlockRemoved'], ({ type }) => type === 'BlockRemoved'],
    [['--model', 'another'], () => false],
    [
      ['--type', 'StreamGap', '--type', 'StreamRestarted'],
      ({ type }) => type === 'StreamGap' || type === 'StreamRestarted',
    ],
  ])('filters by %s', async (filter, isWanted) => {
    const tail = tailOf(...all, ...filter);
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(byStream(tail.lines)).toEqual(byStream(parsed.filter(isWanted)));
  });

  it('goes on with what comes, and is found as the enabled sink without a target', async () => {
    const tail = Tail.start(['--from', 'start'], store.env);
    await tail.shows(records.length);
    await store.append(records.slice(0, 2));
    expect(byStream((await tail.shows(records.length + 2)).slice(records.length))).toEqual(
      byStream(parsed.slice(0, 2)),
    );
    expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('shows only what comes from now on, unless it is told to begin at the start', async () => {
    store = await stores.place(name);
    await store.append(records.slice(0, 1));
    const tail = tailOf();
    // Where it has not looked for the end yet, what comes is not new.
    await waitFor(
      async () => {
        await store.append(records.slice(1, 2));
        return tail.lines.length > 0;
      },
      { what: 'it shows what comes', every: 200 },
    );
    expect(new Set(tail.lines.map(({ id }) => id))).toEqual(new Set([parsed[1]?.['id']]));
    expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
  });

  it('says what is no record, and goes on', async () => {
    store = await stores.place(name);
    await store.append(['["no record"]', ...records.slice(0, 1)]);
    const tail = tailOf(...all);
    expect(await tail.exited, tail.stderr).toBe(0);
    expect(tail.lines.map(({ id }) => id)).toEqual([parsed[0]?.['id']]);
    expect(tail.stderr).toMatch(/^tail: \S+.* holds no record$/m);
  });
});

it.each(['redis', 'kafka'] as const)('tail of a template finds what is new meanwhile: %s', async (name) => {
  const key = name === 'redis' ? 'REDIS_STREAM' : 'KAFKA_TOPIC';
  const first = await stores.place(name, `many-${name}`);
  await first.append(records.slice(0, 2));
  const tail = Tail.start([name, '--from', 'start'], { ...first.env, [key]: `many-${name}-{pod}` });
  await tail.shows(2);
  const second = await stores.place(name, `many-${name}`);
  await second.append(records.slice(2, 4));
  await first.append(records.slice(4, 5));
  const lines = await tail.shows(5);
  expect(lines.map(({ id }) => id).toSorted()).toEqual(
    parsed
      .slice(0, 5)
      .map((line) => line['id'])
      .toSorted(),
  );
  expect(await tail.stop('SIGINT'), tail.stderr).toBe(0);
});

describe('the end of tail', () => {
  let store: RecordStore;
  const redis = (...args: string[]) => ['redis', '--from', 'start', ...args];

  beforeAll(async () => {
    store = await stores.place('redis');
    await store.append(records);
  });

  it('is no error where nobody reads any more', async () => {
    const shell = `{ "$0" "$@"; echo "exit code $?" >&2; } | head -n 1`;
    const child = spawn('sh', ['-c', shell, process.execPath, main, 'tail', ...redis()], {
      env: { PATH: process.env['PATH'] ?? '', ...store.env },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const closed = once(child, 'close').then(() => true);
    // It notices at the next record.
    await waitFor(
      async () => {
        await store.append(records.slice(0, 1));
        return Promise.race([closed, Promise.resolve(false)]);
      },
      { what: 'it ends', every: 100 },
    );
    expect(linesOf(stdout)).toHaveLength(1);
    expect(stderr).toBe('exit code 0\n');
  });

  it('comes with SIGTERM, too', async () => {
    const tail = Tail.start(redis(), store.env);
    await tail.shows(records.length);
    expect(await tail.stop('SIGTERM'), tail.stderr).toBe(0);
  });

  it('says what is wrong with a server that is away, and is 1', async () => {
    const url = `redis://127.0.0.1:${await freePorts()}`;
    const tail = Tail.start(redis(), { REDIS_URL: url });
    expect(await tail.exited).toBe(1);
    expect(tail.stderr).toContain('is Redis running, and is redis.url right?');
  });

  it.each([
    [['reddis'], /did you mean redis/],
    [['redis', '--type', 'BlockStord'], /did you mean BlockStored/],
    [['redis', '--no-follow'], /--from start/],
    [['redis', '--count', '0'], /--count/],
    [['tcp://127.0.0.1:1', '--from', 'start'], /only a sink/],
    [['http://127.0.0.1:1', '--no-follow'], /only a sink/],
    [['redis', '--bind', 'tcp://*:1'], /leave TARGET out/],
  ])('is 2 with wrong usage: %s', async (args, message) => {
    const tail = Tail.start(args);
    expect(await tail.exited).toBe(2);
    expect(tail.stderr).toMatch(message);
  });
});

describe.skipIf(!hasTerminals)('tail on a terminal (needs script of util-linux)', () => {
  const dir = new URL('../fixtures/reading/', import.meta.url).pathname;
  const args = ['tail', 'file', '--file-dir', dir, '--from', 'start'];

  it('shows one short line per record, in colour, until Ctrl-C', async () => {
    const terminal = new Terminal(args);
    onTestFinished(() => terminal.kill());
    await terminal.shows('previous_epoch=1763800000754');
    terminal.type('\x03');
    expect(await terminal.exited).toBe(0);
    const lines = terminal.screen.split('\r\n');
    expect(lines[1]).toContain('\x1b[32mBlockStored\x1b[0m');
    expect(lines[1]).toContain('token_ids=[32]');
    expect(terminal.screen).not.toContain('"v":1');
  });

  it('shows token ids where it is told to', async () => {
    const terminal = new Terminal([...args, '--no-follow', '--count', '2', '--tokens']);
    onTestFinished(() => terminal.kill());
    expect(await terminal.exited).toBe(0);
    const { event } = parsed[1] as { readonly event: { readonly token_ids: readonly number[] } };
    expect(terminal.screen).toContain(`token_ids=[${event.token_ids.slice(0, 3).join(',')}`);
  });

  it('uses no colour with NO_COLOR, and shows JSON with --json', async () => {
    const plain = new Terminal([...args, '--no-follow'], { NO_COLOR: '1' });
    const json = new Terminal([...args, '--no-follow', '--json']);
    onTestFinished(async () => void (await Promise.all([plain.kill(), json.kill()])));
    expect([await plain.exited, await json.exited]).toEqual([0, 0]);
    expect(plain.screen).toContain('StreamRestarted previous_epoch=1763800000754 last_seq=3');
    expect(plain.screen).not.toContain('\x1b');
    expect(linesOf(json.screen.replaceAll('\r', '')).map((line) => JSON.parse(line).id)).toEqual(
      parsed.map(({ id }) => id),
    );
  });
});
