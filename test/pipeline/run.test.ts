import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordBatch, RecordForm } from '../../src/core/batch.ts';
import { apart, frameOf, framesFrom, recordAt } from '../../src/core/batch.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import type { Frame } from '../../src/core/frame.ts';
import type { Fact } from '../../src/core/observer.ts';
import { Holdings } from '../../src/pipeline/holdings.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { live } from '../../src/pipeline/passage.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import { assertRecords } from '../support/schema.ts';

const start = 1_763_800_000_000;

/** How the next frame differs from the one before. */
type Turn =
  | 'next'
  | 'gap'
  | 'again'
  | 'back'
  | 'topic'
  | 'rank'
  | 'garbage'
  | 'empty'
  | 'unknown'
  | 'unnumbered'
  | 'peer';

const turns = fc.oneof(
  { weight: 20, arbitrary: fc.constant<Turn>('next') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Turn>(
      ...(['gap', 'again', 'back', 'topic', 'rank', 'garbage', 'empty', 'unknown', 'unnumbered', 'peer'] as const),
    ),
  },
);

/** Frames of one connection in lists, as a source hands them out. */
const lists = fc.array(fc.array(turns, { minLength: 1, maxLength: 200, size: 'max' }), { minLength: 1, maxLength: 4 });

interface Standing {
  seq: bigint;
  topic: string;
  rank: number;
  peer: string;
  count: number;
}

const steps: Partial<Record<Turn, (at: Standing) => void>> = {
  topic: (at) => {
    at.topic = at.topic === 'a' ? 'b' : 'a';
  },
  rank: (at) => {
    at.rank = 1 - at.rank;
  },
  peer: (at) => {
    at.peer = at.peer === '10.0.0.1' ? '10.0.0.2' : '10.0.0.1';
  },
  gap: (at) => {
    at.seq += 2n;
  },
  again: (at) => {
    at.seq -= 1n;
  },
  back: (at) => {
    at.seq = -1n;
  },
};

function framesOf(plan: readonly (readonly Turn[])[], firstSeq: bigint): Frame[][] {
  const at: Standing = { seq: firstSeq, topic: 'a', rank: 0, peer: '10.0.0.1', count: 0 };
  return plan.map((list, index) =>
    list.map((turn) => {
      at.count += 1;
      steps[turn]?.(at);
      at.seq += 1n;
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(at.seq);
      const parts = [Buffer.from(`kv@${at.topic}@m`), number, payloadOf(turn, at.count, at.rank)];
      if (turn === 'unnumbered') parts.splice(1, 1);
      const place = { source: 'zmq', endpoint: 'tcp://*:5557', peer: at.peer, connection: 1 };
      return { ...place, parts, receivedAt: start + index };
    }),
  );
}

function payloadOf(turn: Turn, count: number, rank: number): Buffer {
  if (turn === 'garbage') return Buffer.from([0xc1, count % 256]);
  const stored = ['BlockStored', [count], null, Array.from({ length: count % 40 }, (_, token) => token * 7), 16];
  const events = turn === 'empty' ? [] : count % 5 === 0 ? [stored, ['AllBlocksCleared']] : [stored];
  if (turn === 'unknown') events.push(['BlockMoved', [1]]);
  return Buffer.from(encode([1_763_800_000 + count / 7, events, rank]));
}

class Reader {
  readonly facts: Fact[] = [];
  readonly batches: RecordBatch[] = [];
  readonly #streams: StreamTable;
  readonly #intake: Intake;
  readonly #form: RecordForm;

  constructor(form: RecordForm) {
    const observe = (fact: Fact) => this.facts.push('events' in fact ? { ...fact, events: { ...fact.events } } : fact);
    this.#form = form;
    this.#streams = new StreamTable({ maxStreams: 100, streamTtl: 3_600_000 }, observe);
    this.#intake = new Intake({
      transcoder: new FastTranscoder(() => undefined),
      streams: this.#streams,
      forms: new Set([form]),
      rules: new Map([['zmq', { sequenceScope: 'rank', identity: 'topic', maxFrameBytes: 100_000 }]]),
      canReplay: () => false,
      canCheck: () => false,
      observe,
    });
  }

  together(frames: readonly Frame[]): void {
    const list = { frames, next: 0 };
    while (list.next < frames.length) {
      const frame = frames[list.next] as Frame;
      list.next += 1;
      this.#keep(this.#intake.accept(frame, live, list));
    }
  }

  one(frame: Frame): void {
    this.#keep(this.#intake.accept(frame));
  }

  #keep(acceptance: ReturnType<Intake['accept']>): void {
    if (acceptance.kind !== 'records') throw new Error(acceptance.kind);
    for (const forms of acceptance.all) this.batches.push(forms[this.#form] as RecordBatch);
  }

  get text(): string {
    return this.batches.map(({ bytes }) => bytes.toString()).join('');
  }

  /** Where each stream stands, as a later frame would find it. */
  get ends(): unknown {
    return this.#streams.ofSource('zmq').map(({ stream, state, checkpoint }) => [stream.id, state, checkpoint]);
  }

  /** Frames, bytes, batches and events, each added up. */
  get sums(): Record<string, number> {
    const sums: Record<string, number> = {};
    const add = (key: string, amount: number) => {
      sums[key] = (sums[key] ?? 0) + amount;
    };
    for (const fact of this.facts) {
      if (fact.fact === 'frame-received') for (const key of ['frames', 'bytes'] as const) add(key, fact[key]);
      else if (fact.fact === 'batch-accepted') {
        add('batches', fact.batches);
        for (const [type, count] of Object.entries(fact.events)) add(type, count);
      } else
        add(
          JSON.stringify(fact, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
          1,
        );
    }
    return sums;
  }
}

/** What a batch says of itself holds for each of its frames. */
function check(batch: RecordBatch): void {
  const { frames, frameEnds, covers, ends, bytes } = batch;
  expect(ends.at(-1)).toBe(bytes.length);
  if (frameEnds === null) {
    expect(frames).toBeLessThanOrEqual(1);
    return;
  }
  expect(frameEnds).toHaveLength(frames);
  expect(frameEnds.at(-1)).toBe(ends.length);
  expect(covers && covers.to - covers.from + 1n).toBe(BigInt(frames));
  const singles = apart(batch);
  expect(singles).toHaveLength(frames);
  expect(Buffer.concat(singles.map((one) => one.bytes)).equals(bytes)).toBe(true);
  for (const [index, single] of singles.entries()) {
    const records = assertRecords(single.bytes);
    expect(new Set(records.map(({ seq }) => seq))).toEqual(new Set([String((covers?.from ?? 0n) + BigInt(index))]));
    expect(single.checkpoint.position.seq).toBe((covers?.from ?? 0n) + BigInt(index));
  }
  for (const [index] of ends.entries()) {
    const { seq } = JSON.parse(recordAt(batch, index).toString());
    expect(BigInt(seq) - (covers?.from ?? 0n)).toBe(BigInt(frameOf(batch, index)));
  }
}

/** Each follows the one before it in its stream. */
function checkOrder(batches: readonly RecordBatch[]): void {
  const last = new Map<string, RecordBatch>();
  for (const batch of batches) {
    const before = last.get(batch.stream.id)?.checkpoint.position;
    if (before !== undefined) {
      expect(comparePositions(before, batch.checkpoint.position)).toBeLessThan(0);
      expect(batch.follows).toEqual(before);
    }
    last.set(batch.stream.id, batch);
  }
}

describe('frames that were received together', () => {
  it('become the same records, facts and positions as one by one', () => {
    let longest = 0;
    fc.assert(
      fc.property(
        lists,
        fc.constantFrom(0n, 1n, 2n ** 32n - 50n, 2n ** 53n),
        fc.constantFrom<RecordForm>('event', 'batch'),
        (plan, first, form) => {
          const all = framesOf(plan, first);
          const together = new Reader(form);
          const alone = new Reader(form);
          for (const list of all) together.together(list);
          for (const frame of all.flat()) alone.one(frame);
          expect(together.text).toBe(alone.text);
          expect(together.ends).toEqual(alone.ends);
          expect(together.sums).toEqual(alone.sums);
          for (const batch of together.batches) check(batch);
          longest = Math.max(longest, ...together.batches.map(({ frames }) => frames));
          checkOrder(together.batches);
        },
      ),
      { numRuns: 60 },
    );
    expect(longest).toBeGreaterThan(30);
  });

  it('are cut to what a sink lacks of them', () => {
    const reader = new Reader('event');
    const plain = Array.from({ length: 20 }, (): Turn => 'next');
    for (const list of framesOf([['next'], plain], 0n)) reader.together(list);
    const run = reader.batches.at(-1) as RecordBatch;
    const from = run.covers?.from ?? 0n;
    expect(run.frames).toBe(20);
    const { epoch } = run.checkpoint.position;
    for (let held = -1; held < 20; held += 1) {
      const position = { epoch, seq: from + BigInt(held), sub: 0 };
      const holdings = new Holdings(10);
      holdings.reset(new Map([[run.stream.id, { position, ts: null, hash: null }]]));
      const { batches, missing } = holdings.admit(run);
      expect(missing).toBe(0n);
      const numbers = batches.flatMap(({ bytes }) => assertRecords(bytes).map(({ seq }) => Number(seq)));
      expect([...new Set(numbers)]).toEqual(Array.from({ length: 19 - held }, (_, n) => Number(from) + held + 1 + n));
      for (const batch of batches) {
        check(batch);
        expect(batch.frames).toBe(19 - held);
        expect(batch.follows).toEqual(position);
      }
    }
  });

  it('keep everything when nothing of them is held', () => {
    const reader = new Reader('event');
    for (const list of framesOf([['next', 'next', 'next']], 5n)) reader.together(list);
    const run = reader.batches.at(-1) as RecordBatch;
    const follows = { epoch: 1, seq: 4n, sub: 3 };
    expect(framesFrom(run, 0, follows)).toEqual({ ...run, follows });
  });
});
