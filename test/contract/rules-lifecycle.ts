import { expect } from 'vitest';
import { eventBatches, testStream } from '../support/batches.ts';
import { waitUntil } from '../support/wait.ts';
import type { Rule } from './rules.ts';

const stream = testStream();

export const lifecycleRules: readonly Rule[] = [
  {
    title: 'closes before it was ever connected',
    async run(tools) {
      const sink = await tools.make();
      await tools.within('close', sink.close());
      await tools.expectWritten([]);
    },
  },
  {
    title: 'closes twice, also at the same time',
    async run(tools) {
      const sink = await tools.connected();
      await tools.write(sink, eventBatches(stream, 0, 2));
      await tools.within('close', Promise.all([sink.close(), sink.close()]));
      await tools.within('close', sink.close());
      await tools.expectWritten(eventBatches(stream, 0, 2));
    },
  },
  {
    title: 'continues behind what an earlier sink wrote',
    async run(tools) {
      const batches = eventBatches(stream, 0, 12);
      const first = await tools.connected();
      await tools.write(first, batches.slice(0, 6));
      await tools.within('close', first.close());
      const second = await tools.connected();
      await tools.write(second, batches.slice(6));
      await tools.within('close', second.close());
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'leaves nothing behind in the process: listeners, sockets, timers, files',
    async run(tools) {
      const before = leftovers();
      const sink = await tools.connected();
      await tools.write(sink, eventBatches(stream, 0, 3));
      await tools.within('close', sink.close());
      await waitUntil(() => expect(leftovers()).toEqual(below(before)), tools.patience);
    },
  },
];

/** How much of each kind is open now: listeners of the process by event, handles by type. */
function leftovers(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of process.eventNames()) counts[`on ${String(event)}`] = process.listenerCount(event);
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  // What the test runner and one-shot work come and go with.
  for (const kind of ['Immediate', 'TickObject', 'FSReqCallback', 'FSReqPromise', 'MessagePort']) delete counts[kind];
  return counts;
}

/** Matches counts that have not grown; kinds that went away are fine. */
function below(before: Record<string, number>): unknown {
  return {
    $$typeof: Symbol.for('jest.asymmetricMatcher'),
    asymmetricMatch: (now: Record<string, number>) =>
      Object.entries(now).every(([kind, n]) => n <= (before[kind] ?? 0)),
    toString: () => `no more than ${JSON.stringify(before)}`,
    toAsymmetricMatcher: () => `no more than ${JSON.stringify(before)}`,
  };
}
