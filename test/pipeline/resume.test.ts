import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/core/checkpoint.ts';
import { resumesOf } from '../../src/pipeline/resume.ts';
import { streamOfId } from '../../src/wire/stream-id.ts';

const id = 'zmq/kv@10.0.0.5@org/model@v2/0';
const checkpoint = (seq: number, epoch = 1_000, hash: number | null = seq): Checkpoint => ({
  position: { epoch, seq: BigInt(seq), sub: 0 },
  ts: seq / 10,
  hash,
});
const resumeOf = (...sinks: (Checkpoint | null | undefined)[]) => {
  const held = sinks.map((one) => (one === null ? null : new Map(one === undefined ? [] : [[id, one]])));
  return resumesOf(held, (id) => streamOfId(id, 'auto')).get(id);
};

describe('where a stream goes on', () => {
  it('is the lowest checkpoint of all sinks, with the furthest as the mark of a restart', () => {
    const resume = resumeOf(checkpoint(9), null, checkpoint(4));
    expect(resume).toMatchObject({ epoch: 1_000, lowest: checkpoint(4), furthest: checkpoint(9), opening: null });
    expect([...(resume?.sightings ?? [])]).toEqual([
      [4n, { hash: 4, ts: 0.4 }],
      [9n, { hash: 9, ts: 0.9 }],
    ]);
  });

  it('is its beginning where a sink holds nothing of it', () => {
    expect(resumeOf(checkpoint(9), undefined)).toMatchObject({ lowest: null, opening: { kind: 'start' } });
  });

  it('is the beginning of the newest epoch where a sink holds only an older one', () => {
    const resume = resumeOf(checkpoint(9, 2_000), checkpoint(50, 1_000));
    expect(resume).toMatchObject({
      epoch: 2_000,
      lowest: null,
      opening: { kind: 'restart', previousEpoch: 1_000, lastSeq: 50n },
    });
    expect([...(resume?.sightings.keys() ?? [])]).toEqual([9n]);
  });

  it('is nowhere without checkpoints, or for a stream of a source that is gone', () => {
    expect(resumesOf([null, new Map()], () => null).size).toBe(0);
    expect(resumesOf([new Map([[id, checkpoint(1)]])], () => null).size).toBe(0);
  });

  it('knows the stream by its id', () => {
    expect(resumeOf(checkpoint(1))?.stream).toEqual({
      id,
      source: 'zmq',
      host: null,
      topic: 'kv@10.0.0.5@org/model@v2',
      pod: '10.0.0.5',
      model: 'org/model@v2',
      rank: '0',
    });
    expect(streamOfId('zmq//-', 'auto')).toMatchObject({ topic: '', rank: null });
    expect(['zmq', 'zmq/', '/a/0', 'zmq/a/'].map((id) => streamOfId(id, 'auto'))).toEqual([null, null, null, null]);
  });

  it.each([
    ['zmq/10.0.0.7//0', 'auto', '10.0.0.7', ''],
    ['zmq/fd00::7/some/topic/-', 'auto', 'fd00::7', 'some/topic'],
    ['zmq/some/topic/0', 'auto', null, 'some/topic'],
    ['zmq/10.0.0.7//0', 'topic', null, '10.0.0.7/'],
    ['zmq/kv@10.0.0.5@org/model/0', 'auto', null, 'kv@10.0.0.5@org/model'],
    ['zmq/10.0.0.7/kv@10.0.0.5@org/model/0', 'peer', '10.0.0.7', 'kv@10.0.0.5@org/model'],
  ] as const)('knows host and topic of %s by what its source tells engines apart with: %s', (name, by, host, topic) => {
    expect(streamOfId(name, by)).toMatchObject({ id: name, host, topic });
  });
});
