import type { FastField, FastType } from './fields.ts';
import { fieldNamed, isTypeKey, typeNamed } from './fields.ts';
import type { Values } from './values.ts';

const open = 0x7b;
const close = 0x7d;
const comma = 0x2c;

/**
 * Writes the JSON object of the event that comes, and says which type it has; undefined where it is one for the
 * reference implementation: another type, an unknown field, a value that does not fit its field.
 */
export function walkEvent(values: Values): FastType | undefined {
  const slots = values.walk.list();
  return slots >= 0 ? walkSlots(values, slots) : walkEntries(values, values.walk.map());
}

function walkSlots(values: Values, slots: number): FastType | undefined {
  const { walk, out } = values;
  if (slots < 1 || !walk.takesText()) return undefined;
  const type = typeNamed(walk.bytes, walk.from, walk.to);
  if (type === undefined || slots - 1 > type.slots.length) return undefined;
  out.byte(open);
  for (let slot = 0; slot < slots - 1; slot += 1) {
    const field = type.slots[slot];
    if (field === undefined || !walkField(values, field, slot === 0)) return undefined;
  }
  out.byte(close);
  return type;
}

function walkEntries(values: Values, size: number): FastType | undefined {
  const { walk, out } = values;
  let type: FastType | undefined;
  let seen = 0;
  out.byte(open);
  for (let entry = 0; entry < size; entry += 1) {
    if (!walk.takesText()) return undefined;
    const { bytes, from, to } = walk;
    if (isTypeKey(bytes, from, to)) {
      if (type !== undefined || !walk.takesText()) return undefined;
      type = typeNamed(bytes, walk.from, walk.to);
      if (type === undefined) return undefined;
      continue;
    }
    const field = fieldNamed(bytes, from, to);
    if (field === undefined || (seen & field.bit) !== 0 || !walkField(values, field, seen === 0)) return undefined;
    seen |= field.bit;
  }
  out.byte(close);
  return type;
}

function walkField(values: Values, field: FastField, isFirst: boolean): boolean {
  if (!isFirst) values.out.byte(comma);
  values.out.put(field.label);
  if (!field.takesNil || !values.walk.takesNil()) return field.write(values);
  values.nil();
  return true;
}
