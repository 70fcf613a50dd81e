import type { Part } from './chunks.ts';
import { partOf, recordsIn } from './chunks.ts';
import type { Entry } from './entries.ts';
import { halves } from './entries.ts';
import type { Verdict } from './errors.ts';
import { sinkErrorOf } from './errors.ts';
import type { Bury } from './planner.ts';

/** Finds the record that made the broker refuse a part: its halves, or for a single record its dead letter. */
export async function smaller(part: Part, verdict: Verdict, bury: Bury): Promise<Part[]> {
  const records = recordsIn(part);
  if (records > 1) return halves(part.entries, Math.ceil(records / 2)).map(partOf);
  const [entry] = part.entries;
  return entry === undefined ? [] : [partOf([await letterFor(entry, verdict, bury)])];
}

async function letterFor(entry: Entry, verdict: Verdict, bury: Bury): Promise<Entry> {
  if (entry.deadLetter !== null) {
    const remedy = 'raise max.message.bytes of the dead-letter topic to 1048588 and remove validation from it';
    throw sinkErrorOf({ ...verdict, class: 'destination' }, `writing to ${entry.topic} (${remedy})`);
  }
  return bury(entry, verdict.code === 'INVALID_RECORD' ? 'refused' : 'too_large', verdict.message);
}
