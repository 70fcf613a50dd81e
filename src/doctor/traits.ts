import type { DecodedBatch } from '../wire/decode.ts';
import type { ReadEvent } from '../wire/event.ts';
import type { Json } from '../wire/json.ts';

/** How the batches of one stream are written, as far as it tells publishers apart. */
export class Traits {
  readonly encodings = new Set<string>();
  readonly batches = new Set<'array' | 'map'>();
  /** What hashes are: `unsigned integers`, `signed integers`, `bytes (32)`. */
  readonly hashes = new Set<string>();
  readonly types = new Map<string, number>();
  /** Names of the fields of BlockStored. */
  readonly fields = new Set<string>();
  /** Elements of a BlockStored array, its type among them; the most that were seen. */
  slots = 0;
  hasRank = false;
  hasZeroParent = false;
  isMilliseconds = false;

  add(batch: DecodedBatch): void {
    this.batches.add(isMap(batch.payload[0] ?? 0) ? 'map' : 'array');
    if (batch.rank.present) this.hasRank = true;
    if (batch.tsUnit === 'ms') this.isMilliseconds = true;
    for (const event of batch.events) if (event.ok) this.#event(event);
  }

  #event({ type, encoding, fields }: ReadEvent): void {
    this.encodings.add(encoding);
    this.types.set(type, (this.types.get(type) ?? 0) + 1);
    const hashes = fields['block_hashes'];
    if (Array.isArray(hashes)) for (const hash of hashes) this.hashes.add(kindOf(hash));
    if (type !== 'BlockStored') return;
    for (const name of Object.keys(fields)) this.fields.add(name);
    if (fields['parent_block_hash'] === '0') this.hasZeroParent = true;
    if (encoding === 'array') this.slots = Math.max(this.slots, slotsOf(fields));
  }
}

/** Of a msgpack map, by its first byte. */
function isMap(first: number): boolean {
  return (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
}

function kindOf(hash: Json): string {
  const text = String(hash);
  if (text.startsWith('0x')) return `bytes (${(text.length - 2) / 2})`;
  return text.startsWith('-') ? 'signed integers' : 'unsigned integers';
}

function slotsOf(fields: ReadEvent['fields']): number {
  const extra = fields['extra'];
  const surplus = typeof extra === 'object' && extra !== null ? Object.keys(extra).length : 0;
  const named = Object.keys(fields).filter((name) => name !== 'extra');
  // What was promoted out of the metadata has no slot of its own.
  const promoted = fields['metadata'] === undefined ? [] : ['cache_salt', 'session_id'];
  return 1 + named.filter((name) => !promoted.includes(name)).length + surplus;
}
