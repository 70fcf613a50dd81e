import { cp, mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordBatch, RecordForm } from '../../src/core/batch.ts';
import type { Checkpoint } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { Intake } from '../../src/pipeline/intake.ts';
import { Overflow } from '../../src/pipeline/overflow.ts';
import { StreamTable } from '../../src/pipeline/streams.ts';
import { FastTranscoder } from '../../src/wire/fast/transcoder.ts';
import { documentsOf } from '../support/batches.ts';
import { linesIn, makeFileSink, segmentNames } from './file-harness.ts';

/** One frame of a publisher: where its number goes, what is in it, and whether a full lane drops it. */
interface Sent {
  readonly pod: number;
  readonly jump: number | 'none';
  readonly events: readonly ('good' | 'bad')[] | 'unreadable';
  readonly ts: number | null;
  readonly dropped: boolean;
}

const start = 1_763_800_000_000;
const written: fc.Arbitrary<Sent> = fc.record({
  pod: fc.nat(1),
  jump: fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: -40, max: 3 }) },
    { weight: 3, arbitrary: fc.constant('none' as const) },
  ),
  events: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(fc.constantFrom('good' as const, 'good' as const, 'bad' as const), { maxLength: 4 }),
    },
    { weight: 1, arbitrary: fc.constant('unreadable' as const) },
  ),
  ts: fc.option(fc.nat(1_000), { freq: 8 }),
  dropped: fc.nat(4).map((n) => n > 0),
});

function payloadOf({ events, ts }: Sent, salt: number): Buffer {
  if (events === 'unreadable') return Buffer.from([0xc1, salt % 256]);
  const tagged = events.map((kind) => ['BlockRemoved', kind === 'good' ? [salt] : null, 'GPU']);
  return Buffer.from(encode([ts, tagged, 0]));
}

/** What a lane hands to the sink: everything that the pipeline makes of these frames. */
function emitted(all: readonly Sent[], form: RecordForm, drops: boolean): RecordBatch[] {
  const observe = () => {};
  const intake = new Intake({
    transcoder: new FastTranscoder(() => undefined),
    streams: new StreamTable({ maxStreams: 100, streamTtl: 3_600_000 }, observe),
    forms: new Set([form]),
    rules: new Map([['zmq', { sequenceScope: 'rank', identity: 'auto' as const, maxFrameBytes: 1_000_000 }]]),
    canReplay: () => false,
    canCheck: () => false,
    observe,
  });
  const overflow = new Overflow();
  const next = [0, 0];
  return all.flatMap((one, index) => {
    const number = Buffer.alloc(8);
    if (one.jump !== 'none') {
      next[one.pod] = Math.max(0, (next[one.pod] ?? 0) + one.jump);
      number.writeBigUInt64BE(BigInt(next[one.pod] ?? 0));
    }
    const payload = payloadOf(one, index);
    const topic = Buffer.from(`kv@10.0.0.${one.pod}@org/model`);
    const parts = [topic, ...(one.jump === 'none' ? [] : [number]), payload];
    const acceptance = intake.accept({
      source: 'zmq',
      endpoint: 'tcp://*:1',
      peer: null,
      connection: null,
      parts,
      receivedAt: start + index,
    });
    const batches = acceptance.kind === 'records' ? acceptance.all.flatMap((forms) => forms[form] ?? []) : [];
    if (!drops || !one.dropped) return [...overflow.takeNotices(), ...batches];
    for (const batch of batches) overflow.add(batch);
    return index === all.length - 1 ? overflow.takeNotices() : [];
  });
}

/** Of each stream the last batch that is whole within so many bytes. */
function wholeIn(batches: readonly RecordBatch[], bytes: number): Map<string, RecordBatch> {
  const last = new Map<string, RecordBatch>();
  let end = 0;
  for (const batch of batches) {
    end += batch.bytes.length;
    if (end > bytes) break;
    last.set(batch.stream.id, batch);
  }
  return last;
}

/** 0..1, any as likely as any other. */
const share = fc.nat(1_000).map((n) => n / 1_000);

const cuts = fc.record({
  all: fc.array(written, { minLength: 1, maxLength: 60, size: 'max' }),
  form: fc.constantFrom('event' as const, 'batch' as const),
  drops: fc.boolean(),
  /** Of the batches: those before this were written by an earlier run, which ended well. */
  closedAt: share,
  segmentBytes: fc.constantFrom(2_000, 1_000_000),
  cutAt: share,
});

/** Writes, cuts the newest segment as a kill of the machine could, and says what is left and what was written. */
async function torn(root: string, options: typeof cuts extends fc.Arbitrary<infer T> ? T : never) {
  const { all, form, drops, closedAt, segmentBytes, cutAt } = options;
  const [before, dir] = [join(root, 'before'), join(root, 'after')];
  const config = { segmentBytes, fsync: 'never', fsyncInterval: 3_600_000 } as const;
  const batches = emitted(all, form, drops);
  const middle = Math.floor(batches.length * closedAt);
  let sink = (await makeFileSink({ dir: before, ...config })).sink;
  await sink.connect();
  await sink.write(batches.slice(0, middle));
  await sink.close();
  sink = (await makeFileSink({ dir: before, ...config })).sink;
  await sink.connect();
  for (let at = middle; at < batches.length; at += 3)
    await sink.write(batches.slice(at, Math.min(at + 3, batches.length)));
  await cp(before, dir, { recursive: true });
  await sink.close();
  await rm(join(dir, '.lock'));
  const names = await segmentNames(dir);
  const newest = join(dir, names.at(-1) ?? '');
  const { size } = await stat(newest);
  // What a kill leaves; where there is but one segment, what a power failure takes is known, too.
  const floor = names.length === 1 ? 0 : await savedBytes(dir, names.length);
  const cut = floor + Math.floor((size - floor) * cutAt);
  await truncate(newest, cut);
  const older = await Promise.all(names.slice(0, -1).map(async (name) => (await stat(join(dir, name))).size));
  return { dir, config, batches, left: older.reduce((sum, bytes) => sum + bytes, cut) };
}

async function savedBytes(dir: string, newest: number): Promise<number> {
  const { segment, bytes } = JSON.parse(await readFile(join(dir, 'checkpoints.json'), 'utf8'));
  return segment === newest ? bytes : 0;
}

describe('file sink: the newest segment cut at any byte', () => {
  it('answers what is whole, and has every record once and in order when the rest is written again', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(cuts, async (options) => {
        const root = await mkdtemp(join(tmpdir(), 'kv-file-'));
        try {
          const { dir, config, batches, left } = await torn(root, options);
          const { sink } = await makeFileSink({ dir, ...config });
          const held = (await sink.connect()) ?? new Map<string, Checkpoint>();
          const whole = wholeIn(batches, left);
          seen += whole.size;
          expect(new Set(held.keys())).toEqual(new Set(whole.keys()));
          for (const [id, { checkpoint, bytes }] of whole) expectSame(held.get(id), checkpoint, bytes.toString());
          const lacking = batches.filter(({ stream, checkpoint }) => {
            const there = held.get(stream.id);
            return there === undefined || comparePositions(checkpoint.position, there.position) > 0;
          });
          await sink.write(lacking);
          await sink.write(batches);
          await sink.close();
          expect(await linesIn(dir)).toEqual(documentsOf(batches));
        } finally {
          await rm(root, { recursive: true });
        }
      }),
      { numRuns: 150 },
    );
    expect(seen).toBeGreaterThan(100);
  }, 120_000);
});

/** The fingerprint is not in the records, and the time of a batch that became an EmptyBatch is not either. */
function expectSame(actual: Checkpoint | undefined, expected: Checkpoint, document: string): void {
  expect(actual?.position, document).toEqual(expected.position);
  expect([null, expected.hash], document).toContain(actual?.hash);
  expect(actual?.hash === null ? [null, expected.ts] : [expected.ts], document).toContain(actual?.ts);
}
