/** A msgpack float. Boxed, because msgpack tells 1.0 from 1 and a field of integers must not take it. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A msgpack str whose bytes are not UTF-8. */
export class RawText {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** A msgpack ext; the timestamp type -1 is one like any other. */
export class Ext {
  readonly type: number;
  readonly data: Buffer;

  constructor(type: number, data: Buffer) {
    this.type = type;
    this.data = data;
  }
}

export type MapValue = ReadonlyMap<Value, Value>;

/**
 * A msgpack value without loss: integers are numbers where safe and bigint beyond, str is string or `RawText`, bin is a
 * view into the message.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | Float
  | string
  | RawText
  | Buffer
  | Ext
  | readonly Value[]
  | MapValue;

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is MapValue {
  return value instanceof Map;
}

export function isInteger(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
