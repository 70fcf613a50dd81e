import type { Entry, Part } from './chunks.ts';
import { partOf } from './chunks.ts';
import type { Verdict } from './errors.ts';
import { sinkErrorOf } from './errors.ts';
import type { Bury } from './planner.ts';

/** Finds the record that made the broker refuse a part: its halves, or for a single record its dead letter. */
export async function smaller({ entries }: Part, verdict: Verdict, bury: Bury): Promise<Part[]> {
  const middle = Math.ceil(entries.length / 2);
  if (entries.length > 1) return [partOf(entries.slice(0, middle)), partOf(entries.slice(middle))];
  const [entry] = entries;
  return entry === undefined ? [] : [partOf([await letterFor(entry, verdict, bury)])];
}

async function letterFor(entry: Entry, verdict: Verdict, bury: Bury): Promise<Entry> {
  if (entry.deadLetter !== null) {
    const remedy = 'raise max.message.bytes of the dead-letter topic to 1048588 and remove validation from it';
    throw sinkErrorOf({ ...verdict, class: 'destination' }, `writing to ${entry.topic} (${remedy})`);
  }
  return bury(entry, verdict.code === 'INVALID_RECORD' ? 'refused' : 'too_large', verdict.message);
}
