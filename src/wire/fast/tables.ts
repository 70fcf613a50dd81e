import { fieldKinds, slotsByType } from '../fields.ts';

/** Where things are, as events.wat and records.wat have it. */
const fieldsAt = 0x48000;
const countAt = 0x481fc;
const labelsAt = 0x48400;
const labelBytes = 32;
const typesAt = 0x48800;
const typeBytes = 64;
const nameAt = 8;
const nameBytes = 16;
const slotsAt = 24;
const textsAt = 0x4e800;
const textBytes = 32;
/** Around the index and the count of an event. */
const texts = ['","index":', ',"count":', ',"ts":'];
/** In the order in which events.wat decides between them; others are not for it. */
const kinds = ['hashes', 'hash', 'tokens', 'integer', 'text', 'texts', 'list'];
const takesNil = 0x1_0000;
/** A bit for each in one word. */
const mostFields = 32;

/** Fills in what the kernel knows of events: field names and kinds, and the slots of each type, in their order in `fields.ts`. */
export function fillEventTables(view: DataView): void {
  const names = [...fieldKinds.keys()];
  if (names.length > mostFields) throw new Error(`${names.length} fields are too many for the kernel`);
  for (const [field, [name, kind]] of [...fieldKinds].entries()) {
    const label = `,"${name}":`;
    const number = kinds.indexOf(kind);
    writeText(view, labelsAt + labelBytes * field, label, labelBytes);
    const row = number < 0 ? 0 : label.length + (number << 8) + (kind === 'hashes' ? 0 : takesNil);
    view.setUint32(fieldsAt + 4 * field, row, true);
  }
  view.setUint32(countAt, names.length, true);
  for (const [type, [name, slots]] of [...slotsByType].entries()) {
    const at = typesAt + typeBytes * type;
    view.setUint32(at, name.length, true);
    view.setUint32(at + 4, slots.length, true);
    writeText(view, at + nameAt, name, nameBytes);
    for (const [slot, field] of slots.entries()) view.setUint8(at + slotsAt + slot, names.indexOf(field));
  }
}

/** Fills in the texts between the numbers of an envelope. */
export function fillRecordTexts(view: DataView): void {
  for (const [index, text] of texts.entries()) writeText(view, textsAt + textBytes * index, text, textBytes);
}

function writeText(view: DataView, at: number, text: string, room: number): void {
  if (text.length > room) throw new Error(`${text} is too long for the kernel`);
  for (let index = 0; index < text.length; index += 1) view.setUint8(at + index, text.charCodeAt(index));
}
