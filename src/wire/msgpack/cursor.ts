import { MsgpackError } from './limits.ts';

const wordRange = 0x1_0000_0000;

/** A place in a message that never reads past its end: throws `MsgpackError` instead. */
export class Cursor {
  readonly bytes: Buffer;
  offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** Moves past `length` bytes and gives their start. */
  take(length: number): number {
    const start = this.offset;
    if (length > this.bytes.length - start) throw this.#truncated();
    this.offset = start + length;
    return start;
  }

  uint8(): number {
    const byte = this.bytes[this.offset];
    if (byte === undefined) throw this.#truncated();
    this.offset += 1;
    return byte;
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  uint64(): number | bigint {
    const start = this.take(8);
    const high = this.bytes.readUInt32BE(start);
    if (high >= 0x20_0000) return this.bytes.readBigUInt64BE(start);
    return high * wordRange + this.bytes.readUInt32BE(start + 4);
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  int64(): number | bigint {
    const start = this.take(8);
    const value = this.bytes.readInt32BE(start) * wordRange + this.bytes.readUInt32BE(start + 4);
    return Number.isSafeInteger(value) ? value : this.bytes.readBigInt64BE(start);
  }

  float32(): number {
    return this.bytes.readFloatBE(this.take(4));
  }

  float64(): number {
    return this.bytes.readDoubleBE(this.take(8));
  }

  #truncated(): MsgpackError {
    return new MsgpackError('malformed_msgpack', `ends inside a value: ${this.bytes.length} bytes are not enough`);
  }
}
