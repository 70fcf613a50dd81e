import { describe, expect, it } from 'vitest';
import { RecentRecords } from '../../src/http/recent-records.ts';
import { batchOf, testStream } from '../support/batches.ts';

const stream = testStream();
const batch = (...names: string[]) =>
  batchOf(
    stream,
    names.map((name) => JSON.stringify({ name })),
  );
const namesOf = (texts: readonly string[]) => texts.map((text) => (JSON.parse(text) as { name: string }).name);

describe('the newest records', () => {
  it('are the last ones of all batches since the last time, oldest first', () => {
    const recent = new RecentRecords(3);
    recent.offer(batch('a', 'b'));
    expect(namesOf(recent.take())).toEqual(['a', 'b']);
    for (const one of [batch('c'), batch('d', 'e', 'f', 'g'), batch('h')]) recent.offer(one);
    expect(namesOf(recent.take())).toEqual(['f', 'g', 'h']);
    expect(recent.take()).toEqual([]);
  });

  it('are copies: what the bridge does with its memory afterwards changes nothing', () => {
    const recent = new RecentRecords(3);
    const offered = batch('a');
    recent.offer(offered);
    offered.bytes.fill('!');
    expect(namesOf(recent.take())).toEqual(['a']);
  });
});
