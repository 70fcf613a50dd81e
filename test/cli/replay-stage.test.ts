import { describe, expect, it } from 'vitest';
import type { CaptureMeta } from '../../src/capture/meta.ts';
import type { CapturedPublisher } from '../../src/capture/publishers.ts';
import type { EndpointTarget } from '../../src/cli/replay/options.ts';
import { Pace } from '../../src/cli/replay/pace.ts';
import { stageOf } from '../../src/cli/replay/stage.ts';
import type { Frame } from '../../src/core/frame.ts';
import { meta as oneSource, someFrame } from '../capture/support.ts';

const [source] = oneSource.sources;
const meta = (dataParallelSize: number): CaptureMeta => ({
  ...oneSource,
  sources: source === undefined ? [] : [{ ...source, dataParallelSize }],
});
const publisher = (topic: string, endpoint = 'tcp://*:5557'): CapturedPublisher => ({
  ...{ source: 'zmq', endpoint, peer: null, topic: Buffer.from(topic), topicText: topic, frames: 1, bytes: 1 },
});
const target = (endpoint: string, replay: string | null = null): EndpointTarget => ({
  ...{ endpoint, replay, bind: endpoint.includes('*'), settle: 0, hold: 0 },
});
const places = (size: number, publishers: readonly CapturedPublisher[], to: EndpointTarget) =>
  stageOf(meta(size), publishers, to).map(({ publisher: { topicText }, endpoint, from, replay }) => [
    topicText,
    endpoint,
    from,
    replay,
  ]);

describe('where the publishers of a capture publish again', () => {
  it('one is where it was told to be', () => {
    expect(places(1, [publisher('a')], target('tcp://bridge:5557', 'tcp://*:5558'))).toEqual([
      ['a', 'tcp://bridge:5557', null, 'tcp://*:5558'],
    ]);
    expect(places(1, [publisher('a')], target('tcp://*:5557'))).toEqual([['a', 'tcp://*:5557', null, null]]);
  });

  it('several that listen have ports of their own', () => {
    const two = [publisher('a'), publisher('b')];
    expect(places(1, two, target('tcp://*:5557', 'tcp://*:5600'))).toEqual([
      ['a', 'tcp://*:5557', null, 'tcp://*:5600'],
      ['b', 'tcp://*:5558', null, 'tcp://*:5601'],
    ]);
    expect(() => places(1, two, target('tcp://*:5557', 'tcp://*:5558'))).toThrow('at least 2 apart');
    expect(() => places(1, two, { ...target('ipc:///run/kv'), bind: true })).toThrow('has no port to count from');
  });

  it('several that dial this machine have addresses of their own, for replays as well', () => {
    expect(places(1, [publisher('a'), publisher('b')], target('tcp://localhost:5557', 'tcp://*:5558'))).toEqual([
      ['a', 'tcp://127.0.0.1:5557', '127.0.0.1', 'tcp://127.0.0.1:5558'],
      ['b', 'tcp://127.0.0.1:5557', '127.0.0.2', 'tcp://127.0.0.2:5558'],
    ]);
  });

  it('several that dial another machine cannot all answer replays', () => {
    const two = [publisher('a'), publisher('b')];
    expect(places(1, two, target('tcp://bridge:5557'))).toEqual([
      ['a', 'tcp://bridge:5557', null, null],
      ['b', 'tcp://bridge:5557', null, null],
    ]);
    expect(() => places(1, two, target('tcp://bridge:5557', 'tcp://*:5558'))).toThrow('choose one with --topic');
  });

  it('ranks that had ports of their own keep them, in whatever order they were heard', () => {
    const ranks = [publisher('t', 'tcp://*:5558'), publisher('t', 'tcp://*:5557')];
    expect(places(2, ranks, target('tcp://*:6000', 'tcp://*:7000'))).toEqual([
      ['t', 'tcp://*:6000', null, 'tcp://*:7000'],
      ['t', 'tcp://*:6001', null, 'tcp://*:7001'],
    ]);
    expect(places(2, ranks, target('tcp://bridge:6000'))).toEqual([
      ['t', 'tcp://bridge:6001', null, null],
      ['t', 'tcp://bridge:6000', null, null],
    ]);
  });

  it('too many are refused', () => {
    const many = Array.from({ length: 201 }, (_, index) => publisher(`t${index}`));
    expect(() => places(1, many, target('tcp://bridge:1'))).toThrow('more than the 200');
  });
});

describe('the pace of a replay', () => {
  const at = (...times: number[]): Frame[] => times.map((time) => ({ ...someFrame, receivedAt: time }));

  async function lists(speed: number, frames: readonly Frame[], signal = new AbortController().signal) {
    const began = performance.now();
    const all: { times: number[]; after: number }[] = [];
    for await (const list of new Pace(speed, signal).of(frames))
      all.push({ times: list.map(({ receivedAt }) => receivedAt), after: performance.now() - began });
    return all;
  }

  it('keeps the pauses, divided by the speed: nothing comes before its time', async () => {
    for (const speed of [1, 4]) {
      const all = await lists(speed, at(1_000, 1_000, 1_100, 1_300));
      expect(all.flatMap(({ times }) => times)).toEqual([1_000, 1_000, 1_100, 1_300]);
      for (const { times, after } of all)
        for (const time of times) expect(after).toBeGreaterThanOrEqual((time - 1_000) / speed - 2);
    }
  });

  it('at full speed leaves out hours, and passes on a bounded number at once', async () => {
    const frames = at(...Array.from({ length: 200 }, (_, index) => index * 3_600_000));
    const all = await lists(Number.POSITIVE_INFINITY, frames);
    expect(all.map(({ times }) => times.length)).toEqual([64, 64, 64, 8]);
  });

  it('does not wait for a clock that was set back', async () => {
    const all = await lists(1, at(10_000, 0, 10_001));
    expect(all.flatMap(({ times }) => times)).toEqual([10_000, 0, 10_001]);
  });

  it('ends in the middle of a pause once it is stopped', async () => {
    const stop = new AbortController();
    const going = lists(1, at(0, 3_600_000), stop.signal);
    stop.abort();
    expect((await going).length).toBeLessThanOrEqual(1);
  });
});
