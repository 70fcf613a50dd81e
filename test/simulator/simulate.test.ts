import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { afterEach, describe, expect, it } from 'vitest';
import { addSimulateCommand } from '../../src/cli/simulate.ts';
import { rankEndpoint } from '../../src/ingress/endpoint.ts';
import { ZmqSource } from '../../src/ingress/zmq-source.ts';
import type { PublishedLine, TruthLine } from '../../src/simulator/truth.ts';
import { decodePayload } from '../../src/wire/decode.ts';
import { readMessage } from '../../src/wire/message.ts';
import { freePorts } from '../support/ports.ts';
import { FactLog, SourceReader } from '../support/zmq.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Simulation {
  readonly exitCode: Promise<number>;
  stdout(): string;
  stderr(): string;
  /** Sends the signal, once the command listens for it. */
  stop(): Promise<void>;
}

function simulate(...argv: string[]): Simulation {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let output = '';
  let errors = '';
  // Read as it comes: a pipe that nobody reads fills up, and the command waits.
  stdout.on('data', (chunk) => {
    output += chunk;
  });
  stderr.on('data', (chunk) => {
    errors += chunk;
  });
  let register: (handler: (signal: string) => void) => void = () => {};
  const registered = new Promise<(signal: string) => void>((resolve) => {
    register = resolve;
  });
  const program = new Command().exitOverride();
  const exitCode = new Promise<number>((resolve, reject) => {
    addSimulateCommand(program, { argv, env: {}, stdout, stderr, onSignal: register }, resolve);
    program.parseAsync(['simulate', ...argv], { from: 'user' }).catch(reject);
  });
  return {
    exitCode,
    stdout: () => output,
    stderr: () => errors,
    stop: async () => (await registered)('SIGTERM'),
  };
}

async function bound(endpoint: string, ranks = 1): Promise<SourceReader[]> {
  const readers: SourceReader[] = [];
  for (let rank = 0; rank < ranks; rank += 1) {
    const source = new ZmqSource(
      {
        name: 'zmq',
        endpoint: rankEndpoint(endpoint, rank),
        mode: 'bind',
        topics: [''],
        receiveHighWaterMark: 1_000,
        maxMessageSize: -1,
      },
      new FactLog().observe,
    );
    await source.open();
    const reader = new SourceReader(source);
    cleanups.push(() => reader.close());
    readers.push(reader);
  }
  return readers;
}

async function truthFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kv-simulate-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  return join(folder, 'truth.jsonl');
}

async function linesOf(path: string): Promise<TruthLine[]> {
  return (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const published = (lines: readonly TruthLine[]) => lines.filter((line): line is PublishedLine => 'events' in line);

/** What stood on the wire, in the form of the truth. */
function received(reader: SourceReader, count: number) {
  return reader.frames.slice(0, count).map(({ parts }) => {
    const message = readMessage(parts, 1 << 28);
    if (!message.ok) throw new Error(message.failure.message);
    const decoded = decodePayload(message.payload);
    if (!decoded.ok) throw new Error(decoded.failure.message);
    const { ts, rank, events } = decoded.batch;
    return {
      topic: message.topic.text,
      sequence: String(message.seq),
      ts,
      ...(rank.present ? { data_parallel_rank: rank.value } : {}),
      events: events.map((event) =>
        event.ok ? { type: event.type, ...JSON.parse(JSON.stringify(event.fields)) } : event,
      ),
    };
  });
}

const portText = async (span = 1) => String(await freePorts(span));

describe('simulate', () => {
  it.each([
    ['encodings', []],
    ['gap', ['--encoding', 'array', '--hash', 'signed', '--first-seq', '1']],
    ['mixed', ['--encoding', 'legacy', '--hash', 'bytes', '--topic', '']],
  ])('%s: what arrives is what the truth file says', async (scenario, flags) => {
    const endpoint = `tcp://127.0.0.1:${await portText()}`;
    const [reader] = await bound(endpoint);
    const file = await truthFile();
    const { exitCode, stderr } = simulate(
      ...['--connect', endpoint, '--scenario', scenario, '--count', '90', '--rate', '0', '--truth', file],
      ...flags,
    );
    expect(await exitCode).toBe(0);
    const truth = await linesOf(file);
    const wanted = published(truth);
    await reader?.texts(wanted.length);
    expect(reader && received(reader, 1_000)).toEqual(wanted);
    expect(truth).toHaveLength(90);
    expect(stderr()).toMatch(/^simulate: rank 0: \d+ batches, \d+ events.* in [\d.]+ s on topic ".*"\n$/);
    if (scenario === 'gap') {
      expect(truth[25]).toEqual({
        topic: 'kv@pod-0@Qwen/Qwen3-0.6B',
        sequence: '26',
        data_parallel_rank: 0,
        unpublished: true,
      });
    }
  });

  it('runs one publisher per rank, on ports one apart, under one topic', async () => {
    const endpoint = `tcp://127.0.0.1:${await portText(2)}`;
    const readers = await bound(endpoint, 2);
    const { exitCode } = simulate('--connect', endpoint, '--ranks', '2', '--count', '20', '--rate', '0', '--pod', 'p');
    expect(await exitCode).toBe(0);
    for (const [rank, reader] of readers.entries()) {
      await reader.texts(20);
      const batches = received(reader, 20);
      expect(batches.map((batch) => batch.sequence)).toEqual(Array.from({ length: 20 }, (_, seq) => String(seq)));
      expect(new Set(batches.map((batch) => batch.data_parallel_rank))).toEqual(new Set([rank]));
      expect(batches[0]?.topic).toBe('kv@p@Qwen/Qwen3-0.6B');
    }
  });

  it('counts from the start again after a restart, and says so in the truth', async () => {
    const endpoint = `tcp://127.0.0.1:${await portText()}`;
    const [reader] = await bound(endpoint);
    const file = await truthFile();
    const { exitCode } = simulate(
      ...['--connect', endpoint, '--scenario', 'restart', '--count', '50', '--rate', '0', '--truth', file],
    );
    expect(await exitCode).toBe(0);
    await reader?.texts(50);
    const sequences = Array.from({ length: 50 }, (_, index) => String(index % 40));
    expect(reader && received(reader, 50).map((batch) => batch.sequence)).toEqual(sequences);
    const truth = await linesOf(file);
    expect(truth.map((line) => line.sequence)).toEqual(sequences);
    expect(truth.map((line) => line.incarnation ?? 0)).toEqual(sequences.map((_, index) => (index < 40 ? 0 : 1)));
  });

  it.each([
    ['1h', 3_600],
    ['-1h', -3_600],
  ])('has a clock that is %s off where it is told to', async (skew, seconds) => {
    const endpoint = `tcp://127.0.0.1:${await freePorts()}`;
    await bound(endpoint);
    const file = await truthFile();
    const flags = ['--connect', endpoint, '--count', '1', '--rate', '0', '--clock-skew', skew, '--truth', file];
    expect(await simulate(...flags).exitCode).toBe(0);
    const [line] = published(await linesOf(file));
    expect(Math.abs((line?.ts ?? 0) - Date.now() / 1_000 - seconds)).toBeLessThan(600);
  });

  it('runs until stopped, then ends with 0 and a truth that has all that was sent', async () => {
    const endpoint = `tcp://127.0.0.1:${await portText()}`;
    const [reader] = await bound(endpoint);
    const { exitCode, stdout, stop, stderr } = simulate('--connect', endpoint, '--rate', '200', '--truth', '-');
    await reader?.texts(10);
    await stop();
    expect(await exitCode).toBe(0);
    const truth = stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    await reader?.texts(truth.length);
    expect(reader && received(reader, 100_000)).toEqual(truth);
    expect(stderr()).toContain(`${truth.length} batches`);
  });

  it('goes on without a subscriber after the settle time and says what that costs', async () => {
    const { exitCode, stderr } = simulate('--bind', 'tcp://127.0.0.1:0', '--count', '1', '--settle', '10ms');
    expect(await exitCode).toBe(0);
    expect(stderr()).toContain('no subscriber at the start, so the first batches are lost');
  });

  it('ends at once when stopped while it waits for a subscriber', async () => {
    const simulation = simulate('--bind', 'tcp://127.0.0.1:0', '--settle', '1h');
    await simulation.stop();
    expect(await simulation.exitCode).toBe(0);
    expect(simulation.stderr()).toContain('0 batches');
  });

  it('fails, all ranks together, when one port is taken', async () => {
    const port = await freePorts(2);
    await bound(`tcp://127.0.0.1:${port + 1}`);
    await expect(
      simulate('--bind', `tcp://127.0.0.1:${port}`, '--ranks', '2', '--settle', '1h').exitCode,
    ).rejects.toMatchObject({ code: 'EADDRINUSE', message: expect.stringContaining(`tcp://127.0.0.1:${port + 1}`) });
  });

  it.each([
    [['--scenario', 'chaos'], /--scenario "chaos" is unknown: use one of decode, prefill, mixed/],
    [['--encoding', 'json'], /--encoding "json" is unknown: use one of array, map, legacy, bin/],
    [['--hash', 'md5'], /--hash "md5" is unknown/],
    [['--count', '5x'], /--count "5x" is no valid number: use a whole number from 0/],
    [['--count', '-1'], /--count "-1" is no valid number/],
    [['--seed', '4294967296'], /--seed "4294967296" .* to 4294967295/],
    [['--ranks', '0'], /--ranks "0" is no valid number: use a whole number from 1 to 1024/],
    [['--first-seq', 'one'], /--first-seq "one"/],
    [['--rate', '1e3'], /--rate "1e3" is no valid number: use batches per second such as 50 or 0.5/],
    [['--hold', '30'], /--hold "30" is no duration: give a unit, such as 500ms, 30s/],
    [['--settle', ''], /--settle "" is no duration/],
    [
      ['--clock-skew', '--5s'],
      /--clock-skew "--5s" is no duration: give a unit and perhaps a sign, such as 5s or -500ms/,
    ],
    [['--connect', 'tcp://*:5557'], /--connect: endpoint tcp:\/\/\*:5557 names no address/],
    [['--connect', ''], /--connect is empty/],
    [['--bind', 'tcp://*:99999'], /--bind: endpoint tcp:\/\/\*:99999 has port 99999/],
    [['--replay', 'nonsense'], /--replay: endpoint nonsense is neither tcp:\/\/host:port nor ipc:\/\/path/],
    [['--bind', 'tcp://*:1', '--connect', 'tcp://a:1'], /--bind and --connect exclude each other/],
    [['--topic', 'a', '--pod', 'b'], /--topic is the whole topic: leave out --pod and --model/],
    [['--ranks', '2', '--encoding', 'bin'], /--ranks 2 needs batches that name their rank/],
    [['--ranks', '2', '--replay', 'tcp://*:5558'], /share ports once 2 ranks are added to both/],
    [['--truth', '/no/such/folder/truth'], /--truth \/no\/such\/folder\/truth cannot be written: .*existing folder/],
    [['--truth', '/'], /--truth \/ cannot be written: .*it is a folder: name a file in it/],
  ])('refuses %j', async (flags, message) => {
    await expect(simulate(...flags).exitCode).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(message),
    });
  });
});
