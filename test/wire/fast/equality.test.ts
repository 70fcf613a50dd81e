import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordForm } from '../../../src/core/batch.ts';
import type { Stream } from '../../../src/core/stream.ts';
import type { Envelope } from '../../../src/wire/envelope.ts';
import { writeTime } from '../../../src/wire/fast/time.ts';
import { FastTranscoder } from '../../../src/wire/fast/transcoder.ts';
import { maxRawBytes } from '../../../src/wire/message.ts';
import type { Appended, Run, Transcoder } from '../../../src/wire/reading.ts';
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

const seconds = fc.integer({ min: 2 ** 30, max: 2 ** 31 - 1 });
const anyTime = fc.oneof(
  fc.double({ min: 2 ** 30 - 2, max: 2 ** 31 + 2, noNaN: true }),
  fc
    .tuple(seconds, fc.nat(10_000_000), fc.integer({ min: 0, max: 9 }))
    .map(([whole, fraction, digits]) => whole + Math.round(fraction * 10 ** (digits - 7)) / 10 ** digits),
  fc.tuple(seconds, fc.nat(2 ** 22)).map(([whole, steps]) => whole + steps / 2 ** 22),
  fc.tuple(seconds, fc.nat(2 ** 9)).map(([whole, steps]) => whole + steps / 2 ** 9),
  fc.double(),
);

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

/** As the pipeline does it: each batch is read with the run where that can be done, and by itself where not. */
function readInRuns(
  payloads: readonly Buffer[],
  first: bigint,
  form: RecordForm,
  { stream, transcoder } = { stream: envelope().stream, transcoder: fast },
) {
  let text = '';
  let records = 0;
  let longest = 0;
  let appended = 0;
  for (let at = 0; at < payloads.length; ) {
    const start = at;
    const run = startRun(transcoder, payloads[at] as Buffer, whereOf(first + BigInt(at), stream), form);
    for (at += 1; at < payloads.length && !run.isFull; at += 1) {
      const payload = payloads[at] as Buffer;
      const found = run.append(payload);
      if (found !== null) {
        appended += 1;
        expectSame(found, payload);
        continue;
      }
      const next = transcoder.read(payload);
      if (!next.ok || !run.add(next.batch)) break;
    }
    longest = Math.max(longest, at - start);
    const { bytes, ends } = run.end();
    expect(ends.at(-1)).toBe(bytes.length);
    expect(run.records).toBe(ends.length);
    text += bytes.toString('latin1');
    records += ends.length;
  }
  return { text, records, longest, appended };
}

function expectSame({ counts, ts }: Appended, payload: Buffer): void {
  const reading = referenceTranscoder.read(payload);
  expect(reading.ok && [reading.batch.counts, reading.batch.ts]).toEqual([counts, ts]);
}

function whereOf(seq: bigint, stream: Stream): Envelope {
  return envelope({ seq, ordinal: String(seq), stream });
}

function startRun(transcoder: FastTranscoder, payload: Buffer, where: Envelope, form: RecordForm): Run {
  const reading = transcoder.read(payload);
  const run = reading.ok ? reading.batch.startRun(where, form) : null;
  if (run === null) throw new Error('no run');
  return run;
}

function textApart(payloads: readonly Buffer[], first: bigint, form: RecordForm, stream = envelope().stream): string {
  const apart = payloads.map((payload, index) => renderedAlone(payload, whereOf(first + BigInt(index), stream), form));
  return apart.map(({ bytes }) => bytes.toString('latin1')).join('');
}

function renderedAlone(payload: Buffer, where: Envelope, form: RecordForm): Rendered {
  const reading = referenceTranscoder.read(payload);
  if (!reading.ok) throw new Error('unreadable');
  return reading.batch.render(where, form);
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
    const target = { bytes: Buffer.alloc(64), view: new DataView(new ArrayBuffer(0)) };
    fc.assert(
      fc.property(anyTime, (value) => {
        const length = writeTime(target, 3, value);
        expect(target.bytes.toString('latin1', 3, length)).toBe(JSON.stringify(value));
      }),
      { numRuns: runs * 20 },
    );
  });

  it('for every kind of time in a run', () => {
    let appended = 0;
    fc.assert(
      fc.property(fc.array(anyTime, { minLength: 20, maxLength: 100, size: 'max' }), (times) => {
        const payloads = times.map((ts) => pack([ts, [['AllBlocksCleared']]])).filter(isWalked);
        const inRuns = readInRuns(payloads, 0n, 'event');
        appended += inRuns.appended;
        expect(inRuns.text).toBe(textApart(payloads, 0n, 'event'));
      }),
      { numRuns: runs / 10 },
    );
    expect(appended).toBeGreaterThan(runs / 2);
  });

  it('for runs of batches', () => {
    let longest = 0;
    let appended = 0;
    const hashes = fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { minLength: 1, maxLength: 3 });
    const tokens = fc.array(fc.nat(200_000), { maxLength: 40 });
    const event = fc.oneof(
      hashes.map((some) => ['BlockRemoved', some]),
      tokens.map((some) => ['BlockStored', [1], null, some, 16]),
      fc.constant(['AllBlocksCleared']),
      tokens.map((some) => ({ type: 'BlockStored', block_hashes: [1], token_ids: some, medium: 'GPU' })),
      hashes.map((some) => ({ block_hashes: some, type: 'BlockRemoved' })),
    );
    const batch = fc.tuple(
      fc.oneof({ weight: 9, arbitrary: fc.double({ min: 1.7e9, max: 1.8e9, noNaN: true }) }, anyTime),
      fc.oneof(
        { weight: 9, arbitrary: fc.array(event, { minLength: 1, maxLength: 3 }) },
        fc.array(event, { maxLength: 60, size: 'max' }),
        // The kernel leaves an event of this to others.
        fc.constant([['BlockStored', [1], null, [1], 16, null, '\u00e9']]),
      ),
      fc.oneof({ weight: 30, arbitrary: fc.constant(null) }, fc.constantFrom([], [0], [1], [300], [null])),
    );
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.oneof(fc.bigInt(0n, 2n ** 64n - 100n), fc.bigInt(2n ** 32n - 20n, 2n ** 32n)),
        fc.constantFrom('event' as const, 'event' as const, 'batch' as const),
        fc.constantFrom([], [0], [255], [256], [null]),
        (batches, first, form, rank) => {
          // The others begin no run.
          const payloads = batches
            .map(([ts, events, other]) => pack([ts, events, ...(other ?? rank)]))
            .filter(isWalked);
          const inRuns = readInRuns(payloads, first, form);
          longest = Math.max(longest, inRuns.longest);
          appended += inRuns.appended;
          expect(inRuns.text).toBe(textApart(payloads, first, form));
        },
      ),
      { numRuns: runs / 5 },
    );
    expect(longest).toBeGreaterThan(20);
    expect(appended).toBeGreaterThan(runs / 2);
  });

  it.each([
    ['far more than the kernel has room for', [1_000, 4_000], [4]],
    ['records that end where the output of the kernel does', [51, 52, 53, 54], [980, 985, 990, 995, 1_000]],
    ['envelopes of which the kernel keeps no copy', [1, 50], [5_000]],
  ])('for batches of one event and of many, with %s', (_, counts, letters) => {
    let appended = 0;
    for (const topic of letters.map((length) => 'x'.repeat(length))) {
      const where = { stream: { ...envelope().stream, topic, id: `zmq/${topic}/0` } };
      for (const many of counts) {
        const payloads = [1, many, 1, 1, many, 1].map((count) => {
          return pack([1.5e9 + 0.5, Array(count).fill(['AllBlocksCleared']), 0]);
        });
        const inRuns = readInRuns(payloads, 7n, 'event', { ...where, transcoder: new FastTranscoder(() => undefined) });
        expect(inRuns.text).toBe(textApart(payloads, 7n, 'event', where.stream));
        appended += inRuns.appended;
      }
    }
    expect(appended > 0).toBe(letters[0] !== 5_000);
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
