import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { eventBatch, eventBatches, testStream } from '../support/batches.ts';
import type { Rule } from './rules.ts';

const stream = testStream();

export const failureRules: readonly Rule[] = [
  {
    title: 'says that it cannot connect, and connects when it can',
    needs: ['outage'],
    async run(tools) {
      await tools.break();
      const sink = await tools.make();
      for (const attempt of ['first connect', 'second connect']) {
        const error = await tools.failureOf(attempt, sink.connect());
        expect(['transient', 'destination']).toContain(error.kind);
      }
      await tools.heal();
      await tools.persistConnect(sink);
      const batches = eventBatches(stream, 0, 3);
      await tools.persist(sink, batches);
      await tools.expectAtLeastOnce(batches);
    },
  },
  {
    title:
      'fails a write during an outage with a SinkError that never counts too much, and goes on afterwards by itself',
    needs: ['outage'],
    async run(tools) {
      const sink = await tools.connected();
      const batches = eventBatches(stream, 0, 20);
      await tools.write(sink, batches.slice(0, 5));
      await tools.break();
      const error = await tools.failureOf('write during the outage', sink.write(batches.slice(5)));
      const again = await tools.failureOf('write during the outage', sink.write(batches.slice(5 + error.written)));
      await tools.heal();
      await tools.expectHonest(error, batches.slice(5));
      await tools.expectHonest(again, batches.slice(5 + error.written));
      expect(['transient', 'destination', 'reopen']).toContain(error.kind);
      await tools.persist(sink, batches.slice(5 + error.written + again.written));
      await tools.expectAtLeastOnce(batches);
    },
  },
  {
    title: 'never counts too much when the destination goes away in the middle of a write',
    needs: ['outage'],
    async run(tools) {
      const sink = await tools.connected();
      const batches = Array.from({ length: 200 }, (_, seq) => eventBatch(stream, seq, 20));
      const writing = sink.write(batches).then(
        () => null,
        (error: unknown) => error,
      );
      await nextTurn();
      await tools.break();
      const error = await tools.within('write', writing);
      await tools.heal();
      if (error !== null && !(error instanceof SinkError)) throw error;
      if (error !== null) await tools.expectHonest(error, batches);
      await tools.persist(sink, error === null ? [] : batches.slice(error.written));
      await tools.expectAtLeastOnce(batches);
    },
  },
  {
    title: 'closes during an outage',
    needs: ['outage'],
    async run(tools) {
      const idle = await tools.make();
      const sink = await tools.connected();
      await tools.write(sink, eventBatches(stream, 0, 2));
      await tools.break();
      await tools.failureOf('write during the outage', sink.write(eventBatches(stream, 2, 2)));
      await tools.within('close', sink.close());
      await tools.failureOf('connect during the outage', idle.connect());
      await tools.within('close', idle.close());
      await tools.heal();
      await tools.expectWritten(eventBatches(stream, 0, 2));
    },
  },
];
