import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint, Position } from '../../src/core/checkpoint.ts';
import { Holdings } from '../../src/pipeline/holdings.ts';
import { renderControl } from '../../src/wire/records.ts';
import { testStream } from '../support/batches.ts';
import { assertRecords } from '../support/schema.ts';
import { batch } from './support.ts';

const at = (seq: number | null, sub = 0, epoch = 1): Position => ({
  epoch,
  seq: seq === null ? null : BigInt(seq),
  sub,
});
const heldAt = (position: Position): ReadonlyMap<string, Checkpoint> =>
  new Map([['zmq/t/0', { position, ts: null, hash: null }]]);

function holdingsOf(position: Position): Holdings {
  const holdings = new Holdings(10);
  holdings.reset(heldAt(position));
  return holdings;
}

/** A StreamGap over these numbers, as the pipeline emits it. */
function gap(from: number, to: number): RecordBatch {
  const stream = { ...testStream(), id: 'zmq/t/0' };
  const control = { from: BigInt(from), to: BigInt(to), missing: BigInt(to - from + 1) };
  const rendered = renderControl(
    { stream, topicSuffix: null, epoch: 1, seq: BigInt(from), ordinal: `${from}`, receivedAt: 0, origin: 'live' },
    { type: 'StreamGap', reason: 'no_replay', ...control },
  );
  const covers = { epoch: 1, from: BigInt(from), to: BigInt(to), numbered: true };
  const checkpoint = { position: at(to), ts: null, hash: null };
  return { ...batch(to), stream, ...rendered, covers, checkpoint, follows: at(from - 1), frames: 0 };
}

const textsOf = (batches: readonly RecordBatch[]) =>
  batches.map(({ bytes, frames }) => {
    if (frames === 1) return bytes.toString().trim();
    const [record] = assertRecords(bytes);
    return `${record?.['type']} ${record?.['from_seq']}..${record?.['to_seq']} ${record?.['reason']}`;
  });

describe('what a sink holds', () => {
  it('is left out, up to its last position', () => {
    const holdings = holdingsOf(at(7));
    expect([6, 7, 8].flatMap((seq) => textsOf(holdings.admit(batch(seq)).batches))).toEqual(['#8']);
  });

  it('is not given a second time after it was passed on', () => {
    const holdings = holdingsOf(at(7));
    holdings.admit(batch(8));
    expect(holdings.admit(batch(8)).batches).toEqual([]);
  });

  it('is put on record where it is less than what came before', () => {
    const { batches, missing } = holdingsOf(at(3)).admit(batch(8));
    expect(textsOf(batches)).toEqual(['StreamGap 4..7 sink_behind', '#8']);
    expect(missing).toBe(4n);
    expect(batches.map(({ follows, checkpoint }) => [follows, checkpoint.position])).toEqual([
      [at(3), at(7)],
      [at(7), at(8)],
    ]);
  });

  it('is put on record as nothing where it was something before it was asked again', () => {
    const holdings = holdingsOf(at(6));
    holdings.admit(batch(7));
    holdings.reset(new Map());
    expect(textsOf(holdings.admit(batch(8)).batches)).toEqual(['StreamGap 0..7 sink_behind', '#8']);
  });

  it('has no gap where only records without a number are lacking', () => {
    const { batches } = holdingsOf(at(7)).admit({ ...batch(8), follows: at(7, 2) });
    expect(textsOf(batches)).toEqual(['#8']);
    expect(batches[0]?.follows).toEqual(at(7));
  });

  it('cuts a gap to what it lacks of it', () => {
    const { batches, missing } = holdingsOf(at(5)).admit(gap(3, 9));
    expect(textsOf(batches)).toEqual(['StreamGap 6..9 no_replay']);
    expect(batches[0]).toMatchObject({ follows: at(5), checkpoint: { position: at(9) } });
    expect(missing).toBe(0n);
  });

  it('says nothing of a stream that it never had: it joins late', () => {
    const holdings = new Holdings(10);
    holdings.reset(new Map());
    expect(textsOf(holdings.admit(batch(8)).batches)).toEqual(['#8']);
  });

  it('is remembered of so many streams and no more', () => {
    const holdings = new Holdings(2);
    holdings.reset(heldAt(at(7)));
    for (const id of ['a', 'b', 'c']) holdings.admit({ ...batch(1), stream: { ...testStream(), id } });
    expect(textsOf(holdings.admit(batch(7)).batches)).toEqual(['#7']);
  });
});
