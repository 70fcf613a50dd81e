import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplayMessage } from '../../src/wire/replay.ts';
import { readReply, replayRequest } from '../../src/wire/replay.ts';
import { bytesOf, fixtures } from './support.ts';

interface ReplayVector {
  readonly name: string;
  readonly frames: readonly string[];
  readonly expect: {
    readonly kind: 'request' | 'batch' | 'end';
    readonly start_sequence?: string;
    readonly topic?: string | null;
    readonly sequence?: string;
  };
}

interface CapturedReplay {
  readonly kind: string;
  readonly frames_hex: readonly string[];
  readonly expected: {
    readonly end: boolean;
    readonly start: string;
    readonly topic: string | null;
    readonly sequence: string | number | null;
  };
}

const highest = 2n ** 64n - 1n;
const number = fc.oneof(fc.bigInt({ min: 0n, max: highest }), fc.constantFrom(0n, 1n, highest));
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array));

function sequenceFrame(seq: bigint): Buffer {
  return Buffer.from(seq.toString(16).padStart(16, '0'), 'hex');
}

/** What a message says, in the words of the vectors. */
function described(message: ReplayMessage): unknown {
  if (message.kind !== 'batch') return message;
  return { kind: 'batch', topic: message.topic?.toString() ?? null, sequence: String(message.seq) };
}

describe('vectors of the replay protocol', () => {
  const file = readFileSync(new URL('vectors/replay.json', fixtures), 'utf8');
  const all = (JSON.parse(file) as { vectors: ReplayVector[] }).vectors;
  const answers = all.filter(({ expect: { kind } }) => kind !== 'request');

  it('are all there', () => {
    expect(all).toHaveLength(7);
    expect(answers).toHaveLength(6);
  });

  it('the request is what a DEALER must send', () => {
    const [request] = all.filter(({ expect: { kind } }) => kind === 'request');
    expect(replayRequest(BigInt(request?.expect.start_sequence ?? -1))).toEqual(bytesOf(request?.frames ?? []));
  });

  it.each(answers)('$name is read', ({ frames, expect: expected }) => {
    const message = readReply(bytesOf(frames));
    expect(described(message)).toEqual(expected);
    if (message.kind === 'batch') expect(message.payload.toString('hex')).toBe(frames.at(-1));
  });
});

describe('replays of real publishers', () => {
  const folder = new URL('captures/', fixtures);
  const lines = readdirSync(folder).flatMap((file) =>
    readFileSync(new URL(file, folder), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"kind": "replay-'))
      .map((line) => ({ file, ...(JSON.parse(line) as CapturedReplay) })),
  );
  const answers = lines.filter(({ kind }) => kind === 'replay-answer');

  it('are all there: 105 answers, end markers with and without a topic frame among them', () => {
    expect(answers).toHaveLength(105);
    const ends = answers.filter(({ expected }) => expected.end).map(({ frames_hex }) => frames_hex.length);
    expect(new Set(ends)).toEqual(new Set([3, 4]));
  });

  it.each(answers.map((line, index) => ({ ...line, index })))('$file answer $index is read', (line) => {
    const { topic, sequence, end } = line.expected;
    const message = readReply(bytesOf(line.frames_hex));
    expect(described(message)).toEqual(end ? { kind: 'end' } : { kind: 'batch', topic, sequence: String(sequence) });
    if (message.kind === 'batch') expect(message.payload.toString('hex')).toBe(line.frames_hex.at(-1));
  });

  it('requests that were answered have the same bytes as ours', () => {
    const requests = lines.filter(({ kind, frames_hex }) => kind === 'replay-request' && frames_hex[1]?.length === 16);
    const ours = requests.filter(({ frames_hex }) => frames_hex.length === 2 && frames_hex[0] === '');
    expect(ours.length).toBeGreaterThan(4);
    for (const { frames_hex, expected } of ours) {
      expect(replayRequest(BigInt(expected.start))).toEqual(bytesOf(frames_hex));
    }
  });
});

describe('readReply', () => {
  it('reads every topic, number and payload back, with and without the delimiter', () => {
    const topic = fc.option(fc.oneof(bytes, fc.constant(Buffer.alloc(0))), { nil: null });
    fc.assert(
      fc.property(topic, number, bytes, (sent, seq, payload) => {
        const tail = [...(sent === null ? [] : [sent]), sequenceFrame(seq), payload];
        const batch = { kind: 'batch', topic: sent, seq, payload };
        expect(readReply([Buffer.alloc(0), ...tail])).toEqual(batch);
        // Without a delimiter an empty topic is taken for one: no publisher answers so.
        expect(readReply(tail)).toEqual(sent?.length === 0 ? { ...batch, topic: null } : batch);
      }),
    );
  });

  it('takes an empty payload for the end, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 2 }), (frames) => {
        expect(readReply([Buffer.alloc(0), ...frames, Buffer.alloc(0)])).toEqual({ kind: 'end' });
      }),
    );
  });

  it('keeps a batch with the number of the end marker', () => {
    const message = readReply([Buffer.alloc(0), sequenceFrame(highest), Buffer.from('batch')]);
    expect(message).toMatchObject({ kind: 'batch', seq: highest });
  });

  it('reads the tail of answers that repeat the request (ROCm ATOM), with any length of its number', () => {
    for (const start of [sequenceFrame(7n), Buffer.from([7])]) {
      const answer = [Buffer.alloc(0), start, sequenceFrame(8n), Buffer.from('batch')];
      expect(readReply(answer)).toMatchObject({ kind: 'batch', seq: 8n, payload: Buffer.from('batch') });
      expect(readReply([Buffer.alloc(0), start, sequenceFrame(highest), Buffer.alloc(0)])).toEqual({ kind: 'end' });
    }
    const twice = [Buffer.alloc(0), Buffer.alloc(0), sequenceFrame(7n), sequenceFrame(8n), Buffer.from('batch')];
    expect(readReply(twice)).toMatchObject({ kind: 'unreadable', reason: expect.stringMatching(/^4 frames/) });
  });

  it.each([
    [[], /^0 frames/],
    [[''], /^0 frames/],
    [['', 'batch'], /^1 frames/],
    [['', ''], /^1 frames/],
    [['', 'a', 'b', '12345678', 'batch'], /^4 frames/],
    [['', '1234567', 'batch'], /^sequence frame of 7 bytes, expected 8$/],
    [['', 'topic', '123456789', 'batch'], /^sequence frame of 9 bytes/],
    [['', '', 'batch'], /^sequence frame of 0 bytes/],
  ])('%j is unreadable', (frames, reason) => {
    const message = readReply(frames.map((frame) => Buffer.from(frame)));
    expect(message).toEqual({ kind: 'unreadable', reason: expect.stringMatching(reason) });
  });

  it('says something about any frames', () => {
    const frame = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.constant(new Uint8Array(8)));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
        const { kind } = readReply(frames.map((array) => Buffer.from(array)));
        expect(['batch', 'end', 'unreadable']).toContain(kind);
      }),
    );
  });
});

describe('replayRequest', () => {
  it('is an empty delimiter and the number in 8 bytes, big-endian', () => {
    fc.assert(
      fc.property(number, (start) => {
        expect(replayRequest(start)).toEqual([Buffer.alloc(0), sequenceFrame(start)]);
      }),
    );
  });
});
