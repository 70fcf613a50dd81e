/** What is kept between batches, and what is kept of a longer one while its like keep coming. */
const usual = 262_144;
const mostKept = 4_194_304;
/** So many batches in a row that need no more than usual: the long ones are over. */
const enough = 64;

/** One growing buffer that the JSON of a batch is put together in, used again for the next batch. */
export class Scratch {
  bytes: Buffer = Buffer.allocUnsafeSlow(usual);
  /** Of the same memory. */
  view = viewOf(this.bytes);
  /** Where the next byte goes. */
  at = 0;
  /** Batches since the last long one. */
  #short = 0;

  /** Sees to room for so many bytes; `bytes` may be another buffer afterwards. */
  ensure(room: number): void {
    if (this.at + room <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + room));
    this.bytes.copy(larger, 0, 0, this.at);
    this.#use(larger);
  }

  clear(): void {
    if (this.bytes.length > usual) this.#shrink();
    this.at = 0;
  }

  /** Few bytes: a loop is cheaper than a call of the runtime. */
  put(piece: Uint8Array): void {
    this.ensure(piece.length);
    const { bytes } = this;
    let { at } = this;
    for (let index = 0; index < piece.length; index += 1) bytes[at++] = piece[index] as number;
    this.at = at;
  }

  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.at++] = value;
  }

  /** Any text, as UTF-8. */
  text(value: string): void {
    this.ensure(value.length * 3);
    this.at += this.bytes.write(value, this.at);
  }

  #shrink(): void {
    this.#short = this.at > usual ? 0 : this.#short + 1;
    if (this.bytes.length <= mostKept && this.#short < enough) return;
    this.#short = 0;
    this.#use(Buffer.allocUnsafeSlow(usual));
  }

  #use(bytes: Buffer): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
