import type { EventCounts } from '../../core/observer.ts';
import type { FieldKind } from '../fields.ts';
import { fieldKinds, slotsByType } from '../fields.ts';
import type { Label } from './stream-text.ts';
import type { Values } from './values.ts';

/** A named field, ready to be written. */
export interface FastField {
  /** `"name":`. */
  readonly label: Buffer;
  /** One bit, another for each field: a map that has a key twice is left to the reference implementation. */
  readonly bit: number;
  readonly takesNil: boolean;
  readonly write: (values: Values) => boolean;
}

/** What the walk knows of an event type. */
export interface FastType extends Label {
  readonly name: keyof EventCounts;
  readonly tag: Buffer;
  /** `{"type":"name"`, of an event among others. */
  readonly member: Buffer;
  /** Fields of array slots 1, 2, ... */
  readonly slots: readonly FastField[];
}

/** A kind that is missing here is left to the reference implementation. */
const writers: Partial<Record<FieldKind, (values: Values) => boolean>> = {
  hashes: (values) => values.numbers.hashes(),
  hash: (values) => values.numbers.hash(),
  tokens: (values) => values.numbers.tokens(),
  integer: (values) => values.numbers.integer(),
  text: (values) => values.text(),
  texts: (values) => values.texts(),
  list: (values) => values.anyList(),
};

const fields: ReadonlyMap<string, FastField> = new Map(
  [...fieldKinds].flatMap(([name, kind], index) => {
    const write = writers[kind];
    if (write === undefined) return [];
    const field = { label: Buffer.from(`"${name}":`), bit: 1 << index, takesNil: kind !== 'hashes', write };
    return [[name, field] as const];
  }),
);

/** Of a record with all events of a batch. */
export const batchLabel: Label = { label: Buffer.from('","type":"Batch"'), number: 0 };

export const fastTypes: readonly FastType[] = [...slotsByType].map(([name, slots], index) => ({
  name: name as keyof EventCounts,
  tag: Buffer.from(name),
  label: Buffer.from(`","type":"${name}"`),
  number: index + 1,
  member: Buffer.from(`{"type":"${name}"`),
  slots: slots.map((slot) => fields.get(slot)).filter((field) => field !== undefined),
}));

/** By length of the name in bytes: few have the same. */
const byLength: readonly (readonly { readonly key: Buffer; readonly field: FastField }[])[] = Array.from(
  { length: 64 },
  (_, length) =>
    [...fields].filter(([name]) => name.length === length).map(([name, field]) => ({ key: Buffer.from(name), field })),
);

/** The field whose name stands in `bytes` from `from` to before `to`. */
export function fieldNamed(bytes: Uint8Array, from: number, to: number): FastField | undefined {
  for (const { key, field } of byLength[to - from] ?? []) if (isAt(bytes, from, key)) return field;
  return undefined;
}

export function typeNamed(bytes: Uint8Array, from: number, to: number): FastType | undefined {
  for (const type of fastTypes) if (type.tag.length === to - from && isAt(bytes, from, type.tag)) return type;
  return undefined;
}

const typeKey = Buffer.from('type');

export function isTypeKey(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === typeKey.length && isAt(bytes, from, typeKey);
}

/** From the end: names of one length differ there rather than in front. */
function isAt(bytes: Uint8Array, from: number, name: Uint8Array): boolean {
  for (let index = name.length - 1; index >= 0; index -= 1) if (bytes[from + index] !== name[index]) return false;
  return true;
}
