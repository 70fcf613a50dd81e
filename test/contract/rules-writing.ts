import { expect } from 'vitest';
import { consecutive, documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { assertDeadLetter } from '../support/schema.ts';
import type { Rule } from './rules.ts';
import { required } from './toolbox.ts';

const stream = testStream();

/** What JSON text may hold and careless code spoils: escapes, separators, text outside the BMP, a lone surrogate. */
const awkward = [
  '',
  '"\\\b\f\n\r\t\u0000',
  'Grüße, 世界, 🦜',
  'line\u2028and\u2029paragraph',
  '\ud800',
  '</script>\u007f',
  'é',
];

export const writingRules: readonly Rule[] = [
  {
    title: 'writes everything in order, once, and confirms only what is there',
    async run(tools) {
      const sink = await tools.connected();
      const batches = eventBatches(stream, 0, 40);
      for (let at = 0; at < batches.length; at += 10) {
        await tools.write(sink, batches.slice(at, at + 10));
        await tools.expectWritten(batches.slice(0, at + 10));
      }
    },
  },
  {
    title: 'writes the batches of several streams, each in order',
    async run(tools) {
      const sink = await tools.connected();
      const streams = ['10.0.0.1', '10.0.0.2:8000', '[fd00::3]'].map((pod) => testStream(pod));
      const unranked = testStream('10.0.0.4', null);
      const batches = Array.from({ length: 12 }, (_, seq) =>
        [...streams, unranked].map((one) => eventBatch(one, seq, 2)),
      );
      await tools.write(sink, batches.flat());
      await tools.expectWritten(batches.flat());
    },
  },
  {
    title: 'takes a write without batches',
    async run(tools) {
      const sink = await tools.connected();
      await tools.write(sink, []);
      await tools.expectWritten([]);
      const batch = eventBatch(stream, 0);
      await tools.write(sink, [batch]);
      await tools.write(sink, []);
      await tools.expectWritten([batch]);
    },
  },
  {
    title: 'takes a batch of thousands of records',
    async run(tools) {
      const sink = await tools.connected();
      const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 5_000), eventBatch(stream, 2)];
      await tools.write(sink, batches);
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'takes a record of 256 KiB',
    async run(tools) {
      const sink = await tools.connected();
      const batches = [eventBatch(stream, 0, 1, { text: 'x'.repeat(262_144) }), eventBatch(stream, 1)];
      await tools.write(sink, batches);
      await tools.expectWritten(batches);
    },
  },
  {
    title: 'keeps every byte: escapes, unicode, 64-bit numbers as text',
    async run(tools) {
      const sink = await tools.connected();
      const batches = awkward.map((text, seq) => eventBatch(stream, seq, 1, { text }));
      await tools.write(sink, batches);
      await tools.expectWritten(batches);
      const [first] = await tools.harness.readBack();
      expect(first).toContain('"18446744073709551615","-9223372036854775808"');
    },
  },
  {
    title: 'counts no dead letters where there are none',
    async run(tools) {
      const sink = await tools.connected();
      const batches = eventBatches(stream, 0, 3);
      expect(await tools.within('write', sink.write(batches))).toEqual({ deadLettered: 0, batchesDeadLettered: 0 });
    },
  },
  {
    title: 'leaves the batches as they were: other lanes hold them too',
    async run(tools) {
      const sink = await tools.connected();
      const batches = eventBatches(stream, 0, 5);
      const before = batches.map((batch) => ({ bytes: Buffer.from(batch.bytes), ends: [...batch.ends] }));
      await tools.write(sink, batches);
      const after = batches.map((batch) => ({ bytes: Buffer.from(batch.bytes), ends: [...batch.ends] }));
      expect(after).toEqual(before);
    },
  },
  {
    title: 'writes a record that can never be written to the dead letters, and all the others',
    needs: ['poison'],
    async run(tools) {
      const sink = await tools.connected();
      const poison = await required(tools.harness.poison, 'poison').call(tools.harness);
      const batches = consecutive(poison.batches);
      const outcome = await tools.within('write', sink.write(batches));
      expect(outcome.deadLettered).toBe(poison.ids.length);
      const refused = new Set(poison.ids);
      const good = documentsOf(batches).filter((document) => !refused.has(idOf(document)));
      expect((await tools.harness.readBack()).toSorted()).toEqual(good.toSorted());
      const letters = await poison.deadLetters();
      expect(letters.map(idOf)).toEqual(poison.ids);
      for (const letter of letters) assertDeadLetter(JSON.parse(letter));
      const next = { ...eventBatch(stream, 1_000_000), follows: null };
      await tools.write(sink, [next]);
      expect(await tools.harness.readBack()).toContain(documentsOf([next])[0]);
    },
  },
];

function idOf(document: string): string {
  return (JSON.parse(document) as { id: string }).id;
}
