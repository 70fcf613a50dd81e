import { cost } from '../msgpack/limits.ts';
import { kernelCode } from './kernel-code.ts';
import { fillEventTables, fillRecordTexts } from './tables.ts';

/** Where things are in the kernel's memory, as kernel.wat, events.wat and records.wat have it. */
const shortAt = 0x400;
const lastAt = 0x1400;
const lengthAt = 0x4000;
const inputAt = 0x5000;
const outputAt = 0x16000;
const eventsAt = 0x40000;
const mostEvents = 4_096;
/** Bytes of input that it takes at once. */
export const inputBytes = 0x10000;
/** Result words. */
const readWord = 0;
const writtenWord = 1;
/** Integers that JSON could round, byte strings, the bytes of these. */
const wideWord = 2;
const stringsWord = 3;
const stringBytesWord = 4;
const timeDouble = 4;
const rankWord = 10;
const comma = ',';

type Loop = (length: number, count: number) => number;

/** What is used of WebAssembly: Node.js has it, its types for Node.js 20 do not. */
interface Platform {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly tokens: Loop;
  readonly hashes: Loop;
  readonly walk: (length: number) => number;
  readonly record: (length: number, at: number, high: number, low: number) => number;
}

/** Bytes of a message, `from` to before `to`. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Writes events, and lists of integers, in WebAssembly, which has what JavaScript has not: 64-bit integers, unaligned words,
 * calls that nothing has to be made for. It works in memory of its own: what it reads is copied in, and the JSON out.
 */
export class Kernel {
  /** Elements of a list, from its first byte; how many were written. It stops before what it does not know. */
  readonly tokens: Loop;
  readonly hashes: Loop;
  /** What the last call wrote stands there from `start` on. */
  readonly output: Buffer;
  readonly start = outputAt;
  /** All of it, the input and the tables included. */
  readonly memory: Uint8Array;
  readonly #walk: Exports['walk'];
  readonly #record: Exports['record'];
  readonly #results: Int32Array;
  readonly #doubles: Float64Array;
  readonly #events: Int32Array;

  /** Null where there is no WebAssembly, or no memory for it. */
  static make(): Kernel | null {
    const exports = compiled();
    return exports === null ? null : new Kernel(exports);
  }

  private constructor({ memory, tokens, hashes, walk, record }: Exports) {
    this.tokens = tokens;
    this.hashes = hashes;
    this.#walk = walk;
    this.#record = record;
    this.output = Buffer.from(memory.buffer);
    this.memory = new Uint8Array(memory.buffer);
    this.#results = new Int32Array(memory.buffer, 0, 16);
    this.#doubles = new Float64Array(memory.buffer, 0, 8);
    this.#events = new Int32Array(memory.buffer, eventsAt, 2 * mostEvents);
    const view = new DataView(memory.buffer);
    fillTables(view);
    fillEventTables(view);
    fillRecordTexts(view);
  }

  /** Writes the events of a payload of `inputBytes` at most; how many there are, 0 where it is one for JavaScript. */
  walk(payload: Uint8Array): number {
    this.memory.set(payload, inputAt);
    return this.#walk(payload.length);
  }

  /**
   * Writes the records of such a payload from `at` in the output on, under the envelope that `Recorder` has left there and
   * with the number `high * 2^32 + low`; how many there are, 0 where it is none for this.
   */
  record(payload: Uint8Array, at: number, high: number, low: number): number {
    this.memory.set(payload, inputAt);
    return this.#record(payload.length, at, high, low);
  }

  /** Of the payload that was walked. */
  get time(): number {
    return this.#doubles[timeDouble] as number;
  }

  /** Null for nil; undefined where there is none. */
  get rank(): number | null | undefined {
    const kind = this.#results[rankWord];
    if (kind !== 2) return kind === 1 ? null : undefined;
    return this.#results[rankWord + 1] as number;
  }

  /** Of the n-th event: the number of its type, from 1, and the offset in `output` behind its object or record. */
  typeOf(event: number): number {
    return this.#events[2 * event] as number;
  }

  endOf(event: number): number {
    return outputAt + (this.#events[2 * event + 1] as number);
  }

  /** What the next call of a loop reads. */
  load({ bytes, from, to }: Span): void {
    this.memory.set(bytes.subarray(from, to), inputAt);
  }

  /** Bytes that the last call of a loop read and wrote. */
  get read(): number {
    return this.#results[readWord] as number;
  }

  get written(): number {
    return this.#results[writtenWord] as number;
  }

  /** What the reference implementation counts for what was read. */
  get spent(): number {
    const results = this.#results;
    const strings = (results[stringsWord] as number) * (cost.bytes + cost.text);
    return (results[wideWord] as number) * cost.bigint + strings + (results[stringBytesWord] as number) * cost.byte;
  }

  /** What the last loop wrote. */
  copy(target: Uint8Array, at: number): void {
    target.set(this.memory.subarray(outputAt, outputAt + this.written), at);
  }
}

function compiled(): Exports | null {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Platform }).WebAssembly;
    return new Instance(new Module(Buffer.from(kernelCode, 'base64'))).exports;
  } catch {
    return null;
  }
}

/**
 * 0 to 999 for what comes before the last three digits: without zeros, nothing for 0, the length in the highest byte. Then
 * for the last three and a comma: all of them; without zeros; and the lengths of these.
 */
function fillTables(view: DataView): void {
  for (let value = 0; value < 1_000; value += 1) {
    const digits = String(value);
    writeWord(view, shortAt + 4 * value, value === 0 ? '' : digits);
    view.setUint8(shortAt + 4 * value + 3, value === 0 ? 0 : digits.length);
    writeWord(view, lastAt + 4 * value, digits.padStart(3, '0') + comma);
    writeWord(view, lastAt + 4 * (1_000 + value), digits + comma);
    view.setUint8(lengthAt + value, 4);
    view.setUint8(lengthAt + 1_000 + value, digits.length + 1);
  }
}

function writeWord(view: DataView, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) view.setUint8(at + index, text.charCodeAt(index));
}
