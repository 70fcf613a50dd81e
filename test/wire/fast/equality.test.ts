import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordForm } from '../../../src/core/batch.ts';
import type { Envelope } from '../../../src/wire/envelope.ts';
import { writeTime } from '../../../src/wire/fast/time.ts';
import { FastTranscoder } from '../../../src/wire/fast/transcoder.ts';
import { maxRawBytes } from '../../../src/wire/message.ts';
import type { Run, Transcoder } from '../../../src/wire/reading.ts';
import type { Rendered } from '../../../src/wire/records.ts';
import { referenceTranscoder } from '../../../src/wire/reference.ts';
import { anyEncoding } from '../arbitraries.ts';
import { mutated, seeds } from '../mutations.ts';
import { envelope, pack } from '../support.ts';

/** `EQUALITY_RUNS=100000 npx vitest run test/wire/fast` is the long form. */
const runs = Number(process.env['EQUALITY_RUNS'] ?? 3_000);

let fallbacks = 0;
const fast = new FastTranscoder(() => {
  fallbacks += 1;
});

const envelopes: readonly Envelope[] = [
  envelope(),
  envelope({ seq: null, ordinal: 'n0', origin: 'replay' }),
  envelope({
    seq: 2n ** 64n - 1n,
    ordinal: 'n17',
    topicSuffix: { 'a"b': '\u00e9', c: null },
    receivedAt: 1_763_800_000_000,
  }),
  envelope({
    ordinal: '0',
    seq: 0n,
    epoch: 1,
    stream: { id: 's/"ü\u2028\\/-', source: 's', host: null, topic: '"ü\u2028\\', pod: null, model: null, rank: null },
  }),
];

/** Everything that is ever asked of what was read. */
function everything(transcoder: Transcoder, payload: Buffer): unknown {
  const reading = transcoder.read(payload);
  if (!reading.ok) return { ...reading.failure, raw: reading.failure.raw.toString('hex', 0, maxRawBytes) };
  const { ts, tsUnit, rank, counts, failures } = reading.batch;
  const rendered = envelopes.flatMap((where) =>
    (['event', 'batch'] as const).map((form) => {
      const { bytes, ends } = reading.batch.render(where, form);
      return { text: bytes.toString('latin1'), ends };
    }),
  );
  return {
    ts,
    tsUnit,
    rank,
    counts,
    failures: failures.map(({ raw, ...rest }) => ({ ...rest, raw: raw.toString('hex') })),
    rendered,
  };
}

function expectEqual(payload: Buffer): void {
  expect(everything(fast, payload)).toEqual(everything(referenceTranscoder, payload));
}

function readInRuns(payloads: readonly Buffer[], first: bigint, form: RecordForm) {
  let text = '';
  let records = 0;
  let longest = 0;
  for (let at = 0; at < payloads.length; ) {
    const start = at;
    const run = startRun(payloads[at] as Buffer, first + BigInt(at), form);
    for (at += 1; at < payloads.length && !run.isFull; at += 1) {
      const next = fast.read(payloads[at] as Buffer);
      if (!next.ok || !run.add(next.batch)) break;
    }
    longest = Math.max(longest, at - start);
    const { bytes, ends } = run.end();
    expect(ends.at(-1)).toBe(bytes.length);
    expect(run.records).toBe(ends.length);
    text += bytes.toString('latin1');
    records += ends.length;
  }
  return { text, records, longest };
}

function startRun(payload: Buffer, seq: bigint, form: RecordForm): Run {
  const reading = fast.read(payload);
  const run = reading.ok ? reading.batch.startRun(envelope({ seq, ordinal: String(seq) }), form) : null;
  if (run === null) throw new Error('no run');
  return run;
}

function renderedAlone(payload: Buffer, seq: bigint, form: RecordForm): Rendered {
  const reading = referenceTranscoder.read(payload);
  if (!reading.ok) throw new Error('unreadable');
  return reading.batch.render(envelope({ seq, ordinal: String(seq) }), form);
}

/** Whether the walk alone read it. */
function isWalked(payload: Buffer): boolean {
  const before = fallbacks;
  fast.read(payload);
  return fallbacks === before;
}

describe('the fast transcoder gives the records of the reference implementation, byte for byte', () => {
  it('for every message that an engine is known to send', () => {
    for (const parts of seeds) expectEqual(parts.at(-1) ?? Buffer.alloc(0));
    // The others: batches that are maps, events in bytes, metadata, unknown types, surplus slots.
    const walked = seeds.filter((parts) => isWalked(parts.at(-1) ?? Buffer.alloc(0)));
    expect(walked.length / seeds.length).toBeGreaterThan(0.9);
  });

  it('for random batches of every shape', () => {
    let walked = 0;
    fc.assert(
      fc.property(
        fc.array(anyEncoding, { maxLength: 3 }),
        fc.oneof(fc.double(), fc.maxSafeNat(), fc.constant(1_763_800_000_123), fc.constant(null)),
        fc.oneof(fc.constant([]), fc.tuple(fc.oneof(fc.nat(70_000), fc.constant(null), fc.integer(), fc.maxSafeNat()))),
        (events, ts, rank) => {
          const payload = pack([ts, events.map(({ wire }) => wire), ...rank]);
          expectEqual(payload);
          if (isWalked(payload)) walked += 1;
        },
      ),
      { numRuns: runs },
    );
    // Many have an event in bytes, or of another type, or tokens that are no flat list of integers.
    expect(walked).toBeGreaterThan(runs / 20);
  });

  it('for every kind of time', () => {
    const around = fc.double({ min: 2 ** 30 - 2, max: 2 ** 31 + 2, noNaN: true });
    const places = fc
      .tuple(fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }), fc.nat(10_000_000), fc.integer({ min: 0, max: 9 }))
      .map(([seconds, fraction, digits]) => seconds + Math.round(fraction * 10 ** (digits - 7)) / 10 ** digits);
    const steps = fc
      .tuple(fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }), fc.nat(2 ** 22))
      .map(([s, f]) => s + f / 2 ** 22);
    const few = fc
      .tuple(fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 }), fc.nat(2 ** 9))
      .map(([s, f]) => s + f / 2 ** 9);
    const target = { bytes: Buffer.alloc(64), view: new DataView(new ArrayBuffer(0)) };
    fc.assert(
      fc.property(fc.oneof(around, places, steps, few, fc.double()), (value) => {
        const length = writeTime(target, 3, value);
        expect(target.bytes.toString('latin1', 3, length)).toBe(JSON.stringify(value));
      }),
      { numRuns: runs * 20 },
    );
  });

  it('for runs of batches', () => {
    let longest = 0;
    const event = fc.oneof(
      fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: 1, maxLength: 3 }).map((hashes) => ['BlockRemoved', hashes]),
      fc.array(fc.nat(200_000), { maxLength: 40 }).map((tokens) => ['BlockStored', [1], null, tokens, 16]),
      fc.constant(['AllBlocksCleared']),
    );
    const batch = fc.tuple(
      fc.double({ min: 1.7e9, max: 1.8e9, noNaN: true }),
      fc.array(event, { minLength: 1, maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.oneof(fc.bigInt(0n, 2n ** 64n - 100n), fc.bigInt(2n ** 32n - 20n, 2n ** 32n)),
        fc.constantFrom('event' as const, 'batch' as const),
        fc.constantFrom([], [0], [null]),
        (batches, first, form, rank) => {
          const payloads = batches.map(([ts, events]) => pack([ts, events, ...rank]));
          const inRuns = readInRuns(payloads, first, form);
          longest = Math.max(longest, inRuns.longest);
          const apart = payloads.map((payload, index) => renderedAlone(payload, first + BigInt(index), form));
          expect(inRuns.text).toBe(apart.map(({ bytes }) => bytes.toString('latin1')).join(''));
          expect(inRuns.records).toBe(apart.reduce((sum, { ends }) => sum + ends.length, 0));
        },
      ),
      { numRuns: runs / 10 },
    );
    expect(longest).toBeGreaterThan(20);
  });

  it('ends a run where the rank changes, and reads on from there', () => {
    const payloads = [0, 0, 1].map((rank) => pack([1.5, [['AllBlocksCleared']], rank]));
    const first = fast.read(payloads[0] as Buffer);
    const run = first.ok ? first.batch.startRun(envelope(), 'event') : null;
    const second = fast.read(payloads[1] as Buffer);
    expect(second.ok && run?.add(second.batch)).toBe(true);
    const third = fast.read(payloads[2] as Buffer);
    expect(third.ok && run?.add(third.batch)).toBe(false);
    expect(run?.end().ends).toHaveLength(2);
    expect(third.ok && third.batch.render(envelope(), 'event').bytes.toString()).toContain('"data_parallel_rank":1');
  });

  it('for what is nearly a message', () => {
    let walked = 0;
    fc.assert(
      fc.property(mutated, (parts) => {
        const payload = parts.at(-1) ?? Buffer.alloc(0);
        expectEqual(payload);
        if (isWalked(payload)) walked += 1;
      }),
      { numRuns: runs },
    );
    expect(walked).toBeGreaterThan(runs / 20);
  });

  it('for every cut of a message', () => {
    const payload = pack([
      1.5,
      [
        ['BlockStored', [1n, 2n ** 64n - 1n], null, [1, 300, 70_000], 16],
        ['BlockRemoved', [-7]],
      ],
      3,
    ]);
    expect(isWalked(payload)).toBe(true);
    for (let length = 0; length < payload.length; length += 1) expectEqual(payload.subarray(0, length));
    expectEqual(Buffer.concat([payload, Buffer.from([0xc0])]));
  });

  it('for integers of every width around every edge', () => {
    const edges = [
      0n,
      9n,
      10n,
      99n,
      100n,
      10n ** 9n,
      10n ** 18n,
      ...[7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n].map((bits) => 2n ** bits),
    ];
    const near = edges.flatMap((edge) => [edge - 1n, edge, edge + 1n]).flatMap((edge) => [edge, -edge]);
    const fitting = near.filter((edge) => edge < 2n ** 64n && edge >= -(2n ** 63n));
    for (const edge of fitting) {
      const sent = edge >= -(2n ** 31n) && edge < 2n ** 32n ? Number(edge) : edge;
      for (const value of [sent, BigInt(edge)]) {
        const payload = pack([1, [['BlockStored', [value], value, [value, value], value, value]], 0]);
        expectEqual(payload);
        expect(isWalked(payload)).toBe(true);
      }
    }
    expect(fitting.length).toBeGreaterThan(60);
  });

  it('for batches that outgrow the memory kept for the next one, and small ones after them', () => {
    const tokens = Array.from({ length: 300_000 }, (_, index) => index);
    const large = pack([
      1,
      [
        ['BlockStored', [1], null, tokens, 16],
        ['BlockRemoved', [2]],
      ],
      0,
    ]);
    const small = pack([1, [['BlockRemoved', [2]]], 0]);
    for (const payload of [small, large, small, large]) expectEqual(payload);
    expect(isWalked(large)).toBe(true);
  });

  it('where all records together would be too large for their envelopes', () => {
    const topic = `kv@${'p'.repeat(900)}@m`;
    const stream = {
      id: `zmq/${topic}/0`,
      source: 'zmq',
      host: null,
      topic,
      pod: 'p'.repeat(900),
      model: 'm',
      rank: '0',
    };
    const payload = pack([1, Array.from({ length: 30_000 }, () => ['AllBlocksCleared']), 0]);
    const [one, other] = [fast, referenceTranscoder].map((transcoder) => {
      const reading = transcoder.read(payload);
      return reading.ok ? reading.batch.render(envelope({ stream }), 'event') : null;
    });
    expect(one?.ends).toHaveLength(1);
    expect(one?.bytes.equals(other?.bytes ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('what was rendered', () => {
  const payloadOf = (hash: number) => pack([1, [['BlockRemoved', [hash]]], 0]);
  const render = (payload: Buffer) => {
    const reading = fast.read(payload);
    if (!reading.ok) throw new Error(reading.failure.message);
    return reading.batch.render(envelope(), 'event').bytes;
  };

  it('stays as it is, whatever is read later', () => {
    const all = Array.from({ length: 5_000 }, (_, hash) => render(payloadOf(hash)));
    for (const [hash, bytes] of all.entries()) {
      expect(JSON.parse(bytes.toString())).toMatchObject({ event: { block_hashes: [String(hash)] } });
    }
  });

  it('cannot be asked for once another message was read', () => {
    const reading = fast.read(payloadOf(1));
    fast.read(payloadOf(2));
    expect(() => reading.ok && reading.batch.render(envelope(), 'event')).toThrow('another message was read');
  });
});
