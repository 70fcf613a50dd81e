import { isUtf8 } from 'node:buffer';
import { Cursor } from './cursor.ts';
import type { MemoryBudget } from './limits.ts';
import { cost, MsgpackError, maxDepth } from './limits.ts';
import type { Value } from './value.ts';
import { Ext, Float, RawText } from './value.ts';

export interface Document {
  readonly value: Value;
  /**
   * For each list directly inside the outermost container: the offset of each element and, last, the end of the list.
   * So that one element can be handed on as the bytes it came in.
   */
  readonly offsets: ReadonlyMap<Value, readonly number[]>;
}

/**
 * Reads exactly one msgpack document. Throws `MsgpackError` and nothing else, whatever the bytes; memory stays within a
 * small multiple of their length. Byte strings of the result are views into `bytes`.
 */
export function readDocument(bytes: Buffer, budget: MemoryBudget): Document {
  return new Reader(bytes, budget).document();
}

/** Bytes up to which looking at each is faster than asking whether all are UTF-8. */
const shortText = 32;

class Reader {
  readonly #cursor: Cursor;
  readonly #budget: MemoryBudget;
  readonly #offsets = new Map<Value, readonly number[]>();
  #depth = 0;
  /** Elements that open containers have announced and that are still to come; each needs a byte at least. */
  #owed = 0;

  constructor(bytes: Buffer, budget: MemoryBudget) {
    this.#cursor = new Cursor(bytes);
    this.#budget = budget;
  }

  document(): Document {
    const value = this.#value();
    const surplus = this.#cursor.remaining;
    if (surplus > 0) {
      throw new MsgpackError('trailing_bytes', `${surplus} bytes follow the document of ${this.#cursor.offset} bytes`);
    }
    return { value, offsets: this.#offsets };
  }

  #value(): Value {
    const byte = this.#cursor.uint8();
    if (byte < 0x80) return byte;
    if (byte >= 0xe0) return byte - 0x100;
    if (byte < 0x90) return this.#map(byte & 0x0f);
    if (byte < 0xa0) return this.#list(byte & 0x0f);
    if (byte < 0xc0) return this.#text(byte & 0x1f);
    return byte < 0xca ? this.#bytesOrConstant(byte) : this.#numberOrSized(byte);
  }

  #bytesOrConstant(byte: number): Value {
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#cursor.uint8());
      case 0xc5:
        return this.#binary(this.#cursor.uint16());
      case 0xc6:
        return this.#binary(this.#cursor.uint32());
      case 0xc7:
        return this.#ext(this.#cursor.uint8());
      case 0xc8:
        return this.#ext(this.#cursor.uint16());
      case 0xc9:
        return this.#ext(this.#cursor.uint32());
      default:
        throw malformed(`byte 0xc1 at offset ${this.#cursor.offset - 1} begins no value`);
    }
  }

  #numberOrSized(byte: number): Value {
    switch (byte) {
      case 0xca:
        return this.#float(this.#cursor.float32());
      case 0xcb:
        return this.#float(this.#cursor.float64());
      case 0xcc:
        return this.#cursor.uint8();
      case 0xcd:
        return this.#cursor.uint16();
      case 0xce:
        return this.#cursor.uint32();
      case 0xcf:
        return this.#integer(this.#cursor.uint64());
      case 0xd0:
        return this.#cursor.int8();
      case 0xd1:
        return this.#cursor.int16();
      case 0xd2:
        return this.#cursor.int32();
      case 0xd3:
        return this.#integer(this.#cursor.int64());
      case 0xd9:
        return this.#text(this.#cursor.uint8());
      case 0xda:
        return this.#text(this.#cursor.uint16());
      case 0xdb:
        return this.#text(this.#cursor.uint32());
      case 0xdc:
        return this.#list(this.#cursor.uint16());
      case 0xdd:
        return this.#list(this.#cursor.uint32());
      case 0xde:
        return this.#map(this.#cursor.uint16());
      case 0xdf:
        return this.#map(this.#cursor.uint32());
      default:
        // 0xd4..0xd8: 1, 2, 4, 8 or 16 bytes of data.
        return this.#ext(1 << (byte - 0xd4));
    }
  }

  #float(value: number): Float {
    this.#budget.spend(cost.float);
    return new Float(value);
  }

  #integer(value: number | bigint): number | bigint {
    if (typeof value === 'bigint') this.#budget.spend(cost.bigint);
    return value;
  }

  #list(length: number): Value {
    this.#open(length, cost.list + cost.element * length);
    const list: Value[] = [];
    if (this.#depth === 2) this.#readWithOffsets(list, length);
    else for (let index = 0; index < length; index += 1) list.push(this.#element());
    this.#depth -= 1;
    return list;
  }

  #readWithOffsets(list: Value[], length: number): void {
    const offsets: number[] = [];
    for (let index = 0; index < length; index += 1) {
      offsets.push(this.#cursor.offset);
      list.push(this.#element());
    }
    offsets.push(this.#cursor.offset);
    this.#offsets.set(list, offsets);
  }

  /** Duplicate keys: the last one wins. Keys that are objects here count as equal when their bytes are. */
  #map(size: number): Value {
    this.#open(size * 2, cost.map + cost.entry * size);
    const map = new Map<Value, Value>();
    let objectKeys: Map<string, Value> | undefined;
    for (let index = 0; index < size; index += 1) {
      const start = this.#cursor.offset;
      let key = this.#element();
      if (typeof key === 'object' && key !== null) {
        objectKeys ??= new Map();
        const text = this.#cursor.bytes.toString('latin1', start, this.#cursor.offset);
        key = objectKeys.get(text) ?? key;
        objectKeys.set(text, key);
      }
      map.set(key, this.#element());
    }
    this.#depth -= 1;
    return map;
  }

  #element(): Value {
    this.#owed -= 1;
    return this.#value();
  }

  #open(elements: number, memory: number): void {
    this.#depth += 1;
    if (this.#depth > maxDepth) {
      throw new MsgpackError('too_deep', `more than ${maxDepth} lists and maps inside one another`);
    }
    this.#owed += elements;
    const remaining = this.#cursor.remaining;
    if (this.#owed > remaining) {
      throw malformed(`${this.#owed} elements announced at offset ${this.#cursor.offset}, ${remaining} bytes remain`);
    }
    this.#budget.spend(memory);
  }

  #text(length: number): Value {
    const start = this.#cursor.take(length);
    this.#budget.spend(cost.text + (length < shortText ? 0 : cost.character * length));
    const end = this.#cursor.offset;
    if (length < shortText && this.#isAscii(start, end)) return this.#cursor.bytes.toString('latin1', start, end);
    const view = this.#cursor.bytes.subarray(start, end);
    if (isUtf8(view)) return view.toString('utf8');
    this.#budget.spend(cost.bytes);
    return new RawText(view);
  }

  #isAscii(start: number, end: number): boolean {
    for (let offset = start; offset < end; offset += 1) if ((this.#cursor.bytes[offset] ?? 0) >= 0x80) return false;
    return true;
  }

  #binary(length: number): Buffer {
    const start = this.#cursor.take(length);
    this.#budget.spend(cost.bytes + cost.byte * length);
    return this.#cursor.bytes.subarray(start, start + length);
  }

  #ext(length: number): Ext {
    const type = this.#cursor.int8();
    return new Ext(type, this.#binary(length));
  }
}

function malformed(message: string): MsgpackError {
  return new MsgpackError('malformed_msgpack', message);
}
