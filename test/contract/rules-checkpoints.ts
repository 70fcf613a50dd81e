import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RecordBatch } from '../../src/core/batch.ts';
import type { Checkpoint, Held, Position } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import type { Rule } from './rules.ts';
import type { Toolbox } from './toolbox.ts';

const stream = testStream();

export const checkpointRules: readonly Rule[] = [
  {
    title: 'answers an empty map where the destination is empty',
    needs: ['checkpoints'],
    async run(tools) {
      const { sink, held } = await tools.opened();
      expect(held).toEqual(new Map());
      await tools.within('close', sink.close());
      expect((await tools.opened()).held).toEqual(new Map());
    },
  },
  {
    title: 'answers what was confirmed to the sink that comes after it, of every stream',
    needs: ['checkpoints'],
    async run(tools) {
      const others = unusual();
      const batches = [...eventBatches(stream, 0, 3), ...others];
      const first = await tools.connected();
      await tools.write(first, batches);
      await tools.within('close', first.close());
      const second = await tools.opened();
      expectHeld(tools, second.held, [...batches.slice(2, 3), ...others]);
      await tools.write(second.sink, [eventBatch(stream, 3)]);
      await tools.within('close', second.sink.close());
      expectHeld(tools, (await tools.opened()).held, [eventBatch(stream, 3), ...others]);
    },
  },
  {
    title: 'never answers a checkpoint ahead of what can be read back, also after an outage in the middle of a write',
    needs: ['checkpoints', 'outage'],
    async run(tools) {
      const { sink, batches, settled } = await interrupted(tools);
      await tools.heal();
      await tools.within('close', sink.close());
      const held = await tools.persistConnect(await tools.make());
      const there = new Set(await tools.harness.readBack());
      const claimed = batches.filter((batch) => isHeld(held, batch));
      expect(
        documentsOf(claimed).filter((document) => !there.has(document)),
        'documents up to a checkpoint that are not there',
      ).toEqual([]);
      if (tools.promise?.delivery !== 'exactly-once') return;
      const unclaimed = batches.slice(0, settled).filter((batch) => !isHeld(held, batch));
      expect(documentsOf(unclaimed), 'confirmed documents behind the checkpoint').toEqual([]);
    },
  },
  {
    title: 'writes everything once through an outage in the middle of a write',
    needs: ['exactly-once', 'outage'],
    async run(tools) {
      const { sink, batches, settled } = await interrupted(tools);
      await tools.heal();
      await tools.persist(sink, batches.slice(settled));
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'appends nothing twice when a write is repeated, as a whole or in part',
    needs: ['exactly-once'],
    async run(tools) {
      const batches = eventBatches(stream, 0, 20);
      const first = await tools.connected();
      await tools.write(first, batches.slice(0, 10));
      await tools.write(first, batches.slice(0, 10));
      await tools.write(first, batches.slice(5, 15));
      await tools.expectWritten(batches.slice(0, 15));
      await tools.within('close', first.close());
      const second = await tools.connected();
      await tools.write(second, batches);
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'refuses a batch that follows more than the destination holds, and writes nothing of it',
    needs: ['exactly-once'],
    async run(tools) {
      const batches = eventBatches(stream, 0, 8);
      const sink = await tools.connected();
      await expectRefused(tools, sink.write(batches.slice(5, 7)));
      await tools.expectWritten([]);
      expect(await tools.persistConnect(sink)).toEqual(new Map());
      await tools.write(sink, batches.slice(0, 3));
      await expectRefused(tools, sink.write(batches.slice(4)));
      await tools.expectWritten(batches.slice(0, 3));
      expect(position(await tools.persistConnect(sink))).toEqual(batches[2]?.checkpoint.position);
      await tools.write(sink, batches.slice(3));
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'takes a batch that jumps, where it follows what the destination holds or nothing',
    needs: ['checkpoints'],
    async run(tools) {
      const sink = await tools.connected();
      const first = { ...eventBatch(stream, 3), follows: null };
      const gap = { ...eventBatch(stream, 9), follows: first.checkpoint.position };
      const again = { ...eventBatch(stream, 20), follows: null };
      await tools.write(sink, [first]);
      await tools.write(sink, [gap, again]);
      await tools.expectWritten([first, gap, again]);
    },
  },
  {
    title: 'writes nothing more and says FENCED once a second sink has taken its name',
    needs: ['exactly-once', 'fence'],
    async run(tools) {
      const batches = eventBatches(stream, 0, 6);
      const first = await tools.connected();
      await tools.write(first, batches.slice(0, 3));
      const second = await tools.opened();
      expect(position(second.held)).toEqual(batches[2]?.checkpoint.position);
      for (const attempt of ['write of the fenced one', 'its second write']) {
        let error = await tools.failureOf(attempt, first.write(batches.slice(3, 4)));
        // A broker may not say who is to blame: connecting again shows it, and takes nothing back.
        if (error.kind === 'reopen') error = await tools.failureOf('connect of the fenced one', first.connect());
        expect(error).toMatchObject({ kind: 'fenced', code: 'FENCED', written: 0 });
      }
      await tools.expectWritten(batches.slice(0, 3));
      await tools.write(second.sink, batches.slice(3));
      await tools.within('close', first.close());
      await tools.expectWritten(batches);
    },
  },
];

/** Positions at the edges: before any number, behind one, a number that no double can hold; and no time of the engine. */
function unusual(): RecordBatch[] {
  const at = (pod: string, checkpoint: Partial<Checkpoint>, place: Partial<Position>): RecordBatch => {
    const batch = eventBatch(testStream(pod), 0);
    const position = { ...batch.checkpoint.position, ...place };
    return { ...batch, checkpoint: { ...batch.checkpoint, ...checkpoint, position } };
  };
  return [
    at('10.0.0.1', { ts: null, hash: null }, { seq: null, sub: 1 }),
    at('10.0.0.2', { hash: 17_592_186_044_415 }, { seq: 18_446_744_073_709_551_615n }),
    at('10.0.0.3', {}, { seq: 9_007_199_254_740_993n, sub: 12 }),
  ];
}

/** A write during which the destination goes away; `settled`: how many of the batches are surely written. */
async function interrupted(tools: Toolbox) {
  const sink = await tools.connected();
  const pods = ['10.0.0.1', '10.0.0.2'].map((pod) => testStream(pod));
  const batches = Array.from({ length: 100 }, (_, seq) => pods.map((pod) => eventBatch(pod, seq, 20))).flat();
  await tools.write(sink, batches.slice(0, 10));
  const writing = sink.write(batches.slice(10)).then(
    () => null,
    (error: unknown) => error,
  );
  await nextTurn();
  await tools.break();
  const error = await tools.within('write', writing);
  if (error !== null && !(error instanceof SinkError)) throw error;
  return { sink, batches, settled: error === null ? batches.length : 10 + error.written };
}

async function expectRefused(tools: Toolbox, write: Promise<unknown>): Promise<void> {
  expect(await tools.failureOf('write of what does not follow', write)).toMatchObject({ kind: 'reopen', written: 0 });
}

function expectHeld(tools: Toolbox, held: Held, last: readonly RecordBatch[]): void {
  const shown = ({ position, ts, hash }: Checkpoint) =>
    tools.promise?.noHash === undefined ? { position, ts, hash } : { position, ts };
  const expected = last.map(({ stream: { id }, checkpoint }) => [id, shown(checkpoint)] as const);
  expect(new Map([...(held ?? [])].map(([id, checkpoint]) => [id, shown(checkpoint)]))).toEqual(new Map(expected));
}

function isHeld(held: Held, { stream: { id }, checkpoint }: RecordBatch): boolean {
  const there = held?.get(id);
  return there !== undefined && comparePositions(checkpoint.position, there.position) <= 0;
}

function position(held: Held): Position | undefined {
  return held?.get(stream.id)?.position;
}
