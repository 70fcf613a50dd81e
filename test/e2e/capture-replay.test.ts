import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { readBack } from '../capture/support.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { compareTruth } from '../support/truth.ts';
import { RawPublisher } from '../support/zmq.ts';
import { Bridge, Program } from './bridge.ts';
import { linesOf, parseRecords, readTruth } from './records.ts';
import { track } from './track.ts';

const folder = mkdtempSync(join(tmpdir(), 'kv-e2e-capture-replay-'));
const fixtures = new URL('../fixtures/captures/', import.meta.url).pathname;
const publishers: RawPublisher[] = [];
let files = 0;

afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endpoint = (port: number) => `tcp://127.0.0.1:${port}`;
const fresh = (ending: string) => join(folder, `${files++}${ending}`);
const program = (command: string, ...args: string[]) => track(new Program(command, { args }));

/** Real messages of several engines, and some that are no batches. */
function messages(): Buffer[][] {
  const names = ['vllm-0.33.0', 'vllm-0.23.0', 'sglang-0.5.23', 'llm-d-inference-sim-main-array'];
  const live = names.flatMap((name) =>
    linesOf(readFileSync(join(fixtures, `${name}.jsonl`), 'utf8'))
      .map((line) => JSON.parse(line) as { readonly kind: string; readonly frames_hex: readonly string[] })
      .filter(({ kind }) => kind === 'live')
      .map(({ frames_hex }) => frames_hex.map((hex) => Buffer.from(hex, 'hex'))),
  );
  const odd = [
    ['kv@odd@m', 'short', 'x'],
    ['kv@odd@m', sequenceFrame(3n), 'no msgpack'],
    ['kv@odd@m', '1', '2', '3'],
  ];
  return [...live, ...odd.map((parts) => parts.map((part) => Buffer.from(part)))];
}

/** Per stream its records, without what depends on when and through which socket they came. */
function comparable(stdout: string): Record<string, string[]> {
  const streams: Record<string, string[]> = {};
  const epochs: Record<string, number[]> = {};
  for (const line of linesOf(stdout)) {
    const { stream, epoch } = parseRecords([line])[0] ?? { stream: '', epoch: 0 };
    const known = epochs[stream] ?? [];
    epochs[stream] = known;
    if (!known.includes(epoch)) known.push(epoch);
    const text = known.reduce((some, one, index) => some.replaceAll(String(one), `E${index}`), line);
    const same = text.replace(/"received_at":[\d.]+/, '').replace(/"peer":(null|"[^"]*"),?/, '');
    streams[stream] = [...(streams[stream] ?? []), same];
  }
  return streams;
}

const count = (texts: Record<string, string[]>) => Object.values(texts).reduce((sum, { length }) => sum + length, 0);
const delivered = (bridge: Bridge) => bridge.metric('kv_event_bridge_sink_records_delivered_total');

describe('a capture of real messages, replayed to a bridge', () => {
  it.each(['zmtp', 'libzmq'])(
    'captured over %s gives the records that the original bridge gave',
    async (transport) => {
      const [from, to] = [await freePorts(), await freePorts()];
      const publisher = await RawPublisher.bind(endpoint(from), { verbosity: 'allSubs' });
      publishers.push(publisher);
      const config = fresh('.yaml');
      writeFileSync(config, JSON.stringify({ sources: [{ name: 'zmq', connect: endpoint(from) }] }));
      const original = track(await Bridge.start({ CONFIG: config }));
      const file = fresh('.kvcap');
      const all = messages();
      const capture = program(
        'capture',
        file,
        endpoint(from),
        '--zmq-transport',
        transport,
        '--count',
        `${all.length}`,
      );
      await waitFor(() => publisher.subscriptions === 2, { what: 'both listen' });
      for (const parts of all) await publisher.send(...parts);
      expect(await capture.exited, capture.stderr).toBe(0);
      await waitFor(() => original.stdout.split('Undecodable"').length > 4, { what: 'the last ones came' });
      expect(await original.stop(), original.stderr).toBe(0);
      const expected = comparable(original.stdout);
      expect(Object.keys(expected).length).toBeGreaterThanOrEqual(3);

      const bridge = track(await Bridge.start({ ZMQ_PORT: String(to) }));
      const replay = program('replay', file, '--to', endpoint(to), '--speed', 'max', '--json');
      expect(await replay.exited, replay.stderr).toBe(0);
      expect(JSON.parse(replay.stdout)).toMatchObject({ complete: true, frames: all.length, subscribed: true });
      await waitFor(async () => (await delivered(bridge)) >= count(expected), { what: 'all came' });
      expect(await bridge.stop(), bridge.stderr).toBe(0);
      expect(comparable(bridge.stdout)).toEqual(expected);

      const direct = program('replay', file, '--speed', 'max');
      expect(await direct.exited, direct.stderr).toBe(0);
      expect(comparable(direct.stdout)).toEqual(expected);
      const again = program('replay', file, '--speed', '1000');
      expect(await again.exited, again.stderr).toBe(0);
      expect(again.stdout).toBe(direct.stdout);
    },
    60_000,
  );
});

describe('publishers that only their addresses tell apart', () => {
  it('stay several, in sinks and at a bridge on this machine', async () => {
    const [from, to] = [await freePorts(), await freePorts()];
    const file = fresh('.kvcap');
    const capture = program('capture', file, '--bind', endpoint(from), '--count', '80');
    await waitFor(() => capture.stderr.includes('listening'), { what: 'it listens' });
    for (const host of ['127.0.0.2', '127.0.0.3']) {
      const publisher = RawPublisher.connect(`tcp://${host}:0;127.0.0.1:${from}`);
      publishers.push(publisher);
      await publisher.subscribed();
    }
    for (let seq = 0; seq < 40; seq += 1) {
      for (const [index, publisher] of publishers.entries())
        await publisher.send('', sequenceFrame(BigInt(seq + index)), encode([seq, [['AllBlocksCleared']], 0]));
    }
    expect(await capture.exited, capture.stderr).toBe(0);
    const numbers = (stdout: string, stream: string) =>
      parseRecords(linesOf(stdout))
        .filter((record) => record.stream === stream)
        .map(({ type, seq }) => `${type} ${seq}`);
    const run = (first: number) =>
      ['StreamStarted', ...Array.from({ length: 40 }, () => 'AllBlocksCleared')].map(
        (type, index) => `${type} ${first + Math.max(0, index - 1)}`,
      );

    const direct = program('replay', file, '--speed', 'max');
    expect(await direct.exited, direct.stderr).toBe(0);
    expect(numbers(direct.stdout, 'zmq/127.0.0.2//0')).toEqual(run(0));
    expect(numbers(direct.stdout, 'zmq/127.0.0.3//0')).toEqual(run(1));

    const bridge = track(await Bridge.start({ ZMQ_PORT: String(to) }));
    const replay = program('replay', file, '--to', `tcp://localhost:${to}`, '--speed', 'max');
    expect(await replay.exited, replay.stderr).toBe(0);
    await waitFor(async () => (await delivered(bridge)) >= 82, { what: 'all came' });
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const started = parseRecords(linesOf(bridge.stdout)).filter(({ type }) => type === 'StreamStarted');
    expect(started.map(({ stream, seq }) => [stream, seq]).sort()).toEqual([
      ['zmq/127.0.0.1//0', '0'],
      ['zmq/127.0.0.2//0', '1'],
    ]);
    expect(numbers(bridge.stdout, 'zmq/127.0.0.2//0')).toEqual(run(1));
  });
});

describe('a bridge that comes late to a replay', () => {
  it('gets all from the beginning through the replay sockets, each publisher from its own', async () => {
    const [from, to, replayPort] = [await freePorts(), await freePorts(), await freePorts()];
    const file = fresh('.kvcap');
    const capture = program('capture', file, '--bind', endpoint(from), '--count', '800');
    await waitFor(() => capture.stderr.includes('listening'), { what: 'it listens' });
    const truths = ['a', 'b'].map((pod, index) => {
      const truth = fresh('.jsonl');
      const rate = ['--rate', '200', '--count', '400', '--seed', String(index)];
      program('simulate', '--connect', endpoint(from), '--pod', pod, '--truth', truth, ...rate);
      return truth;
    });
    expect(await capture.exited, capture.stderr).toBe(0);
    // It lasts six seconds: enough for a bridge to come in the middle of it, however busy the machine is.
    const target = ['--to', endpoint(to), '--speed', '0.33', '--replay', `tcp://*:${replayPort}`, '--settle', '0'];
    const replay = program('replay', file, ...target, '--hold', '60s');
    await waitFor(() => replay.stderr.includes('first frames are lost'), { what: 'it has begun' });
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(to), REPLAY_ENDPOINT: `tcp://{peer}:${replayPort}` }));
    await waitFor(() => replay.stderr.includes('all is sent'), { what: 'all is sent', timeout: 30_000 });
    const batches = () => parseRecords(linesOf(bridge.stdout).slice(0, -1)).filter(({ event }) => event !== undefined);
    await waitFor(() => batches().length >= 790, { what: 'nearly all came', timeout: 30_000 });
    expect(await bridge.metric('kv_event_bridge_replay_recovered_batches_total')).toBeGreaterThan(20);
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const records = parseRecords(linesOf(bridge.stdout));
    expect(compareTruth(truths.flatMap(readTruth), records)).toMatchObject({ streams: 2, batches: 800, gaps: 0 });
    expect(await replay.stop('SIGINT')).toBe(0);
  });
});

describe('simulate --capture', () => {
  it('writes an hour at once, of all ranks, with gaps and restarts, for any speed', async () => {
    const [file, truth] = [fresh('.kvcap'), fresh('.jsonl')];
    const flags = ['--count', '3600', '--rate', '1', '--ranks', '2', '--scenario', 'gap', '--truth', truth];
    expect(await program('simulate', '--capture', file, ...flags).exited).toBe(0);
    const { frames, ending, meta } = await readBack(file);
    expect(ending.kind).toBe('complete');
    expect(meta.sources).toMatchObject([{ name: 'zmq', dataParallelSize: 2 }]);
    const [first, last] = [frames[0]?.receivedAt ?? 0, frames.at(-1)?.receivedAt ?? 0];
    expect(last - first).toBeGreaterThan(3_500_000);
    const replay = program('replay', file, '--speed', 'max', '--json');
    expect(await replay.exited, replay.stderr).toBe(0);
    const counts = compareTruth(readTruth(truth), parseRecords(linesOf(replay.stdout)));
    expect(counts).toMatchObject({ streams: 2, batches: frames.length });
    expect(counts.gaps).toBeGreaterThan(10);
    const summary = JSON.parse(linesOf(replay.stderr).at(-1) ?? '');
    expect(summary).toMatchObject({ complete: true, frames: frames.length, streams: 2, missing: String(counts.gaps) });
  });

  it('beside a socket has what went out of it', async () => {
    const port = await freePorts();
    const [file, truth] = [fresh('.kvcap'), fresh('.jsonl')];
    const bridge = track(await Bridge.start({ ZMQ_PORT: String(port) }));
    const flags = [
      '--scenario',
      'restart',
      '--count',
      '120',
      '--rate',
      '0',
      '--truth',
      truth,
      '--connect',
      endpoint(port),
    ];
    const engine = program('simulate', '--capture', file, ...flags);
    expect(await engine.exited, engine.stderr).toBe(0);
    await waitFor(async () => (await delivered(bridge)) >= 120, { what: 'all came' });
    expect(await bridge.stop(), bridge.stderr).toBe(0);
    const replay = program('replay', file, '--speed', 'max');
    expect(await replay.exited, replay.stderr).toBe(0);
    expect(comparable(replay.stdout)).toEqual(comparable(bridge.stdout));
    expect(replay.stdout).toContain('StreamRestarted');
  });

  it.each([
    [['--capture', 'x.kvcap'], '--capture without --connect or --bind'],
    [['--capture', join(fixtures, 'vllm-0.33.0.jsonl'), '--count', '1'], 'is there already'],
  ])('refuses %j', async (args, message) => {
    const engine = program('simulate', ...args);
    expect(await engine.exited).toBe(2);
    expect(engine.stderr).toContain(message);
  });
});

describe('a replay whose reader has seen enough', () => {
  it('ends without an error', async () => {
    const file = fresh('.kvcap');
    expect(await program('simulate', '--capture', file, '--count', '20000').exited).toBe(0);
    const replay = program('replay', file, '--speed', 'max');
    await waitFor(() => replay.stdout !== '', { what: 'records come' });
    replay.child.stdout?.destroy();
    expect(await replay.exited, replay.stderr).toBe(0);
    expect(replay.stderr).not.toContain('not everything');
  });
});

describe('a capture that is not whole', () => {
  const made = async (): Promise<string> => {
    const file = fresh('.kvcap');
    expect(await program('simulate', '--capture', file, '--count', '50').exited).toBe(0);
    return file;
  };
  const events = (stdout: string) => parseRecords(linesOf(stdout)).filter(({ event }) => event !== undefined);

  it('because it was cut is replayed as far as it goes', async () => {
    const file = await made();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 300));
    const replay = program('replay', file, '--speed', 'max', '--json');
    expect(await replay.exited, replay.stderr).toBe(0);
    const { frames, ending } = await readBack(file);
    expect(new Set(events(replay.stdout).map(({ seq }) => seq)).size).toBe(frames.length);
    expect(frames.length).toBeLessThan(50);
    const offset = ending.kind === 'cut' ? ending.offset : -1;
    expect(replay.stderr).toContain(
      `was cut, or is still written: it can be read up to byte ${offset} of ${bytes.length - 300}`,
    );
    expect(JSON.parse(linesOf(replay.stderr).at(-1) ?? '')).toMatchObject({ capture: { state: 'cut', offset } });
  });

  it('because it is damaged is refused before anything is sent, or replayed up to there', async () => {
    const file = await made();
    const bytes = readFileSync(file);
    bytes[bytes.length - 2_000] = (bytes.at(-2_000) ?? 0) ^ 0x10;
    writeFileSync(file, bytes);
    const refused = program('replay', file, '--speed', 'max');
    expect(await refused.exited).toBe(1);
    const offset = Number(/is damaged at byte (\d+): /.exec(refused.stderr)?.[1]);
    expect(offset).toBeGreaterThan(1_000);
    expect(offset).toBeLessThanOrEqual(bytes.length - 2_000);
    expect(refused.stdout).toBe('');
    const replay = program('replay', file, '--speed', 'max', '--partial');
    expect(await replay.exited, replay.stderr).toBe(0);
    const { frames } = await readBack(file);
    expect(new Set(events(replay.stdout).map(({ seq }) => seq)).size).toBe(frames.length);
  });

  it.each([
    [['--to', 'redsi'], '--to "redsi" is no sink; did you mean redis?'],
    [['--to', 'tcp://127.0.0.1:0'], '--to "tcp://127.0.0.1:0" has the port 0'],
    [['--speed', '0'], '--speed "0" is no speed'],
    [['--to', 'file', '--replay', 'tcp://*:5558'], '--replay belongs to an endpoint'],
    [['--to', 'tcp://*:5557', '--hold', 'x'], '--hold "x" is no duration'],
  ])('or is replayed with %j is refused', async (args, message) => {
    const replay = program('replay', fixtures, ...args);
    expect(await replay.exited).toBe(2);
    expect(replay.stderr).toContain(message);
    expect(existsSync(join(fixtures, 'data'))).toBe(false);
  });
});
