import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { RawPublisher } from '../support/zmq.ts';
import type { EnginePlan } from './engines.ts';
import { startEngine } from './engines.ts';
import { diagnose } from './support.ts';

const captures = new URL('../fixtures/captures/', import.meta.url);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Line {
  readonly kind: string;
  readonly frames_hex: readonly string[];
}

function liveFrames(name: string): Buffer[][] {
  const lines = readFileSync(new URL(`${name}.jsonl`, captures), 'utf8')
    .trim()
    .split('\n');
  return lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ kind }) => kind === 'live')
    .map(({ frames_hex }) => frames_hex.map((hex) => Buffer.from(hex, 'hex')));
}

/** Publishes these again and again until the test ends. */
async function publishing(messages: readonly Buffer[][]): Promise<number> {
  const port = await freePorts();
  const publisher = await RawPublisher.bind(`tcp://127.0.0.1:${port}`);
  let closed = false;
  const sending = (async () => {
    await publisher.subscribed();
    for (const message of messages) if (!closed) await publisher.send(...message);
  })().catch(() => undefined);
  closers.push(async () => {
    closed = true;
    publisher.close();
    void sending;
  });
  return port;
}

const look = (port: number, ...more: readonly string[]) => diagnose([`127.0.0.1:${port}`, '--wait', '3s', ...more]);

describe('doctor reads what engines send', () => {
  it.each([
    ['vllm-0.23.0', 'vLLM 0.21 to 0.23', ['array'], ['unsigned integers']],
    ['vllm-0.33.0', 'vLLM 0.33 or near', ['map'], ['unsigned integers']],
    ['sglang-0.5.23', 'SGLang with maps (0.5.23 or near)', ['map'], ['unsigned integers', 'signed integers']],
    ['llm-d-inference-sim-main-array', 'llm-d-inference-sim', ['array'], ['unsigned integers']],
  ] as const)('%s: guesses %s', async (capture, guess, encodings, hashes) => {
    const found = await look(await publishing(liveFrames(capture)));
    const stream = found.findings.find(({ code }) => code === 'stream');
    expect(stream?.facts).toMatchObject({ engine_guess: guess, event_encodings: encodings });
    expect(new Set(stream?.facts?.['hashes'] as string[])).toEqual(new Set(hashes));
    // Recorded long ago.
    expect(found.codes).toContain('clock-skew');
  });

  it('a filter that lets nothing through, and the topics that there are', async () => {
    const found = await look(
      await publishing(liveFrames('vllm-0.33.0')),
      '--zmq-topics',
      'kv@other',
      '--wait',
      '500ms',
    );
    expect(found.findings.find(({ code }) => code === 'topic-filter')?.facts).toMatchObject({
      topics: ['kv@other'],
      seen: ['kv@10.244.0.5@Qwen/Qwen3-0.6B'],
    });
    expect(found.exitCode).toBe(1);
  });

  it('topics that the filter lets through, and others that it does not', async () => {
    const frames = liveFrames('vllm-0.33.0');
    const other = frames.map(([, ...rest]) => [Buffer.from('kv@other@m'), ...rest]);
    const found = await look(await publishing([...frames, ...other]), '--zmq-topics', 'kv@10.');
    expect(found.findings.find(({ code }) => code === 'topics-unmatched')).toMatchObject({
      ...{ level: 'note', facts: { seen: ['kv@other@m'], topics: ['kv@10.'] } },
    });
    expect(found.codes).not.toContain('topic-filter');
  });

  it('messages without a number, under a topic that says nothing', async () => {
    const found = await look(
      await publishing(liveFrames('vllm-0.33.0').map((parts) => [Buffer.from('t'), parts.at(-1) as Buffer])),
    );
    expect(found.codes).toEqual(expect.arrayContaining(['no-sequence', 'topic-plain']));
    expect(found.findings.find(({ code }) => code === 'no-sequence')?.level).toBe('warning');
  });

  it('a message that cannot be read among others that can', async () => {
    const frames = liveFrames('vllm-0.33.0');
    const [topic, seq] = frames[3] as [Buffer, Buffer];
    const found = await look(await publishing([...frames.slice(0, 3), [topic, seq, Buffer.from('hello')]]));
    const some = found.findings.find(({ code }) => code === 'undecodable-some');
    expect(some).toMatchObject({ level: 'warning', facts: { unreadable: 1, frames: 4 } });
    expect(found.codes).not.toContain('undecodable');
    expect(found.exitCode).toBe(0);
  });

  it('rubbish', async () => {
    const number = Buffer.alloc(8);
    const found = await look(await publishing([[Buffer.from('t'), number, Buffer.from('hello')]]));
    expect(found.codes).toContain('undecodable');
    expect(found.exitCode).toBe(1);
  });

  it('a gap, and a stream of two publishers', async () => {
    const frames = liveFrames('vllm-0.33.0');
    const holed = await look(await publishing([...frames.slice(0, 3), ...frames.slice(5, 8)]));
    expect(holed.findings.find(({ code }) => code === 'gap-seen')?.message).toContain('2 numbers');
    const shared = await look(await publishing([...frames.slice(5, 8), ...frames.slice(0, 3)]));
    expect(shared.codes).toContain('shared-stream');
  });
});

describe('doctor and an engine with a replay socket', () => {
  async function engine(plan: EnginePlan = {}): Promise<number> {
    const { port, stop } = await startEngine(plan);
    closers.push(stop);
    return port;
  }

  it.each([
    [true, 3],
    [false, 2],
  ] as const)('finds it beside the events and asks it (topic: %s)', async (replayTopic, frames) => {
    const found = await look(await engine({ engine: { replayTopic } }));
    expect(found.codes).toEqual(['publisher', 'frames', 'stream', 'clock', 'replay-none', 'replay']);
    expect(found.findings.at(-1)?.facts).toMatchObject({ oldest_seq: '0', missing: '0', end: 'end', frames });
    expect(found).toMatchObject({ verdict: 'Works.', exitCode: 0 });
  });

  it('one that has forgotten its beginning', async () => {
    const found = await look(await engine({ engine: { bufferBatches: 5 } }));
    expect(found.codes).toContain('replay-truncated');
    expect(found.exitCode).toBe(0);
  });

  it('the publisher given as replay', async () => {
    const port = await engine();
    const found = await diagnose([`localhost:${port}`, '--wait', '2s', '--replay', `127.0.0.1:${port}`]);
    expect(found.codes).toContain('replay-is-publisher');
  });

  it.each([-5_000, 5_000])('a clock that is %d ms off', async (skew) => {
    const found = await look(await engine({ skew }));
    const seconds = found.findings.find(({ code }) => code === 'clock-skew')?.facts?.['clock_skew_seconds'];
    expect(Math.sign(Number(seconds))).toBe(-Math.sign(skew));
    expect(Math.abs(Number(seconds))).toBeGreaterThan(3);
  });
});
