import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint } from '../../src/core/checkpoint.ts';
import { fingerprintOf } from '../../src/pipeline/fingerprint.ts';
import { assertRecords } from '../support/schema.ts';
import type { Answer } from './played-replay.ts';
import { numbers, PlayedReplay, payloadOf } from './played-replay.ts';
import { brief, recoveryOf } from './recovery-support.ts';
import { PlayedSink, settle } from './support.ts';

const id = 'zmq/kv@10.0.0.5@org/model/0';

/** A sink that holds the stream up to a number. */
class HoldingSink extends PlayedSink {
  readonly batches: RecordBatch[] = [];

  constructor(last: number, incarnation = 0) {
    super();
    const position = { epoch: 1_600_000_000_000, seq: BigInt(last), sub: 0 };
    const checkpoint: Checkpoint = { position, ts: null, hash: fingerprintOf(payloadOf(last, incarnation)) };
    this.held = new Map([[id, checkpoint]]);
  }

  override write(batches: readonly RecordBatch[]) {
    this.batches.push(...batches);
    return Promise.resolve({ deadLettered: 0, batchesDeadLettered: 0 });
  }

  get briefs(): string[] {
    return assertRecords(Buffer.concat(this.batches.map(({ bytes }) => bytes))).map(brief);
  }
}

async function bridgeWith(sinks: readonly HoldingSink[], ...answers: Answer[]) {
  const client = new PlayedReplay(...answers);
  const bridge = recoveryOf(client, { sinks });
  await settle();
  return { ...bridge, client };
}

const again = (seq: number) => payloadOf(seq, 1);

describe('a stream of an earlier run', () => {
  it('is asked for what came since, before any live frame', async () => {
    const sink = new HoldingSink(4);
    const { client } = await bridgeWith([sink], { seqs: numbers(0, 7) });
    expect(sink.briefs).toEqual(['5r', '6r', '7r', 'Recovered 5..7 3']);
    // The last one that is known, what comes behind it, and whether that was all.
    expect(client.asked).toEqual([4, 4, 7]);
  });

  it('goes on from the lowest checkpoint; each sink gets what it lacks', async () => {
    const [behind, ahead] = [new HoldingSink(2), new HoldingSink(5)];
    await bridgeWith([behind, ahead], { seqs: numbers(0, 6) });
    expect(behind.briefs).toEqual(['3r', '4r', '5r', '6r', 'Recovered 3..6 4']);
    expect(ahead.briefs).toEqual(['6r', 'Recovered 3..6 4']);
  });

  it('takes a live frame that a replay has brought before as what it is', async () => {
    const sink = new HoldingSink(4);
    const { send, facts } = await bridgeWith([sink], { seqs: numbers(0, 7) });
    await send(5, 6, 7, 8);
    expect(sink.briefs).toEqual(['5r', '6r', '7r', 'Recovered 5..7 3', '8']);
    expect(facts.filter(({ fact }) => fact === 'duplicate')).toHaveLength(3);
  });

  it('takes for late what comes live although an earlier run had it by replay', async () => {
    const sink = new HoldingSink(7);
    const { send, facts, clock } = await bridgeWith([sink], { seqs: numbers(0, 8) });
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1']);
    await send(5, 6, 7, 8, 9);
    await clock.pass(100);
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1', '9']);
    expect(facts.filter(({ fact }) => fact === 'duplicate')).toHaveLength(4);
  });

  const gone: [string, Answer[]][] = [
    ['has ended', [{ seqs: [], end: 'unreachable' }]],
    ['is about to end, and no longer answers', [{ seqs: [], end: 'idle' }]],
    ['ends while it is asked', [{ seqs: [8] }, { seqs: [], end: 'unreachable' }]],
    ['no longer keeps that batch', [{ seqs: numbers(7, 8) }]],
  ];
  it.each(gone)('takes it for late also where the publisher %s, by its own clock', async (_, answers) => {
    const sink = new HoldingSink(7);
    const running = { seqs: numbers(0, 8) };
    const { send, facts, clock } = await bridgeWith([sink], ...[running, running, running], ...answers);
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1']);
    // What waited in the connection of the one that has ended.
    await send(5, 6, 7, 8, 9);
    for (let pause = 0; pause < 50; pause++) await clock.pass(100);
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1', '9']);
    expect(facts.filter(({ fact }) => fact === 'duplicate')).toHaveLength(4);
  });

  it('does not believe the clock of one that dials in anew', async () => {
    const sink = new HoldingSink(7);
    const running = { seqs: numbers(0, 8) };
    const { send, clock } = await bridgeWith([sink], ...[running, running, running], { seqs: [], end: 'unreachable' });
    await send({ seq: 5, connection: 1 });
    await clock.pass(1_000);
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1']);
    // A new process, whose clock is behind.
    for (const seq of numbers(0, 9)) {
      await send({ seq, connection: 2, payload: payloadOf(seq, -1) });
      for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    }
    expect(sink.briefs.slice(2)).toEqual(['Restarted 8', ...numbers(0, 9).map(String)]);
  });

  it('does not guess whose a late number is when the stop comes while it asks', async () => {
    const sink = new HoldingSink(7);
    const running = { seqs: numbers(0, 8) };
    const { send, stop } = await bridgeWith([sink], ...[running, running, running], { seqs: [], hangs: true });
    await send({ seq: 5, payload: again(5) });
    await stop(true);
    expect(sink.briefs).toEqual(['8r', 'Recovered 8..8 1']);
  });

  it('takes for a restart what is later than that, where nobody can be asked', async () => {
    const sink = new HoldingSink(7);
    const running = { seqs: numbers(0, 8) };
    const { send, clock } = await bridgeWith([sink], ...[running, running, running], { seqs: [], end: 'unreachable' });
    await send({ seq: 5, payload: again(5) }, { seq: 6, payload: again(6) });
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    expect(sink.briefs.slice(2)).toEqual(['Restarted 8', 'Gap 0..4 replay_failed', '5', '6']);
  });

  it('takes for a restart what comes live again and is another batch', async () => {
    const sink = new HoldingSink(7);
    const { send, clock } = await bridgeWith([sink], { seqs: numbers(0, 7) });
    await send({ seq: 0, payload: again(0) }, { seq: 1, payload: again(1) });
    await clock.pass(100);
    expect(sink.briefs).toEqual(['Restarted 7', '0', '1']);
  });

  it('is a new epoch where the publisher has another batch under the known number', async () => {
    const sink = new HoldingSink(4);
    await bridgeWith([sink], { seqs: numbers(0, 6), payload: again });
    expect(sink.briefs).toEqual(['Restarted 4', ...numbers(0, 6).map((seq) => `${seq}r`), 'Recovered 0..6 7']);
    const epochs = sink.batches.map(({ checkpoint }) => checkpoint.position.epoch);
    expect(new Set(epochs).size).toBe(1);
    expect(epochs[0]).toBeGreaterThan(1_600_000_000_000);
  });

  it('is a new epoch where the publisher has sent something, but not got so far', async () => {
    const sink = new HoldingSink(4);
    const { client } = await bridgeWith([sink], { seqs: [0, 1], payload: again });
    expect(sink.briefs).toEqual(['Restarted 4', '0r', '1r', 'Recovered 0..1 2']);
    expect(client.asked.slice(0, 2)).toEqual([4, 0]);
  });

  it('loses nothing to a publisher that has nothing yet, or does not answer', async () => {
    for (const answer of [{ seqs: [] }, { seqs: [], end: 'unreachable' as const }]) {
      const sink = new HoldingSink(4);
      const { clock, send } = await bridgeWith([sink], answer);
      for (let pause = 0; pause < 10; pause++) await clock.pass(100);
      expect(sink.briefs).toEqual([]);
      await send(5);
      for (let pause = 0; pause < 10; pause++) await clock.pass(100);
      expect(sink.briefs).toEqual(['5']);
    }
  });

  it('knows a number that comes live again for a restart', async () => {
    const sink = new HoldingSink(4);
    const { clock, send } = await bridgeWith([sink], { seqs: [], end: 'unreachable' });
    for (let pause = 0; pause < 10; pause++) await clock.pass(100);
    await send({ seq: 0, payload: again(0) });
    expect(sink.briefs).toEqual(['Restarted 4', '0']);
  });

  it('waits with its live frames for the answer, and asks for no more than what came before them', async () => {
    const sink = new HoldingSink(4);
    const client = new PlayedReplay({ seqs: numbers(0, 20) });
    const bridge = recoveryOf(client, { sinks: [sink] });
    client.onAsked = async () => {
      client.onAsked = () => undefined;
      bridge.feed.push(8, 9);
      await settle();
    };
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(sink.briefs).toEqual(['5r', '6r', '7r', 'Recovered 5..7 3', '8', '9']);
  });

  it('is left to the next start where the stop comes first: nothing is called lost', async () => {
    const sink = new HoldingSink(4);
    const { send, stop } = await bridgeWith([sink], { seqs: [4] }, { seqs: [4] }, { seqs: [], hangs: true });
    await send(5);
    await send(9, 10);
    await stop(true);
    expect(sink.briefs).toEqual(['5']);
  });
});

describe('a connection that is back', () => {
  it('brings what was sent meanwhile', async () => {
    const sink = new HoldingSink(4);
    const { reconnected } = await bridgeWith([sink], { seqs: [4] }, { seqs: [4] }, { seqs: numbers(0, 6) });
    expect(sink.briefs).toEqual([]);
    void reconnected();
    await settle();
    expect(sink.briefs).toEqual(['5r', '6r', 'Recovered 5..6 2']);
  });

  it('shows that the publisher has restarted, and has got further since', async () => {
    const sink = new HoldingSink(4);
    const { reconnected } = await bridgeWith(
      [sink],
      { seqs: [4] },
      { seqs: [4] },
      { seqs: numbers(0, 9), payload: again },
    );
    void reconnected();
    for (let turn = 0; turn < 3; turn++) await settle();
    expect(sink.briefs).toEqual(['Restarted 4', ...numbers(0, 9).map((seq) => `${seq}r`), 'Recovered 0..9 10']);
  });
});
