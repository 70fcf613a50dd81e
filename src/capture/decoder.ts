import type { Frame } from '../core/frame.ts';
import type { RecordHead } from './format.ts';
import { firstCheck, headBytes, isWhole, magic, maxBodyBytes, readHead, recordTypes } from './format.ts';
import type { CaptureMeta, CaptureTotals, Origin } from './meta.ts';
import { readMeta, readOrigin, readTotals } from './meta.ts';

/** Where and why a capture cannot be read on. */
export interface Damage {
  /** Of the first byte of the record, or of the file, that is wrong. */
  readonly offset: number;
  readonly problem: string;
}

/** What some bytes of a capture hold. */
export interface Decoded {
  readonly frames: readonly Frame[];
  /** Bytes that were used; the rest is to be given again, with what follows it. */
  readonly used: number;
  /** Bytes that the next record needs, as far as that is known. */
  readonly wanted: number;
}

const smallestPart = 4;

/** From the bytes of a capture to frames. No file, no clock. Trusts nothing: checks come before anything is allocated. */
export class CaptureDecoder {
  readonly #origins = new Map<number, Origin>();
  #nextOrigin = 0;
  #check = firstCheck;
  #offset = 0;
  #meta: CaptureMeta | null = null;
  #totals: CaptureTotals | null = null;
  #damage: Damage | null = null;
  #frames = 0;
  #bytes = 0;

  /** Known as soon as anything else is. */
  get meta(): CaptureMeta | null {
    return this.#meta;
  }

  /** Set once the capture's end was read. */
  get totals(): CaptureTotals | null {
    return this.#totals;
  }

  /** Nothing is read any more once it is set. */
  get damage(): Damage | null {
    return this.#damage;
  }

  /** Where the next record begins: up to here everything is as it was written. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes the whole records at the beginning of `bytes`, which follow those used before. Frames are views into it. */
  decode(bytes: Buffer): Decoded {
    const frames: Frame[] = [];
    let used = 0;
    let wanted = 0;
    while (this.#damage === null && wanted === 0) {
      const step = this.#offset === 0 ? this.#magic(bytes) : this.#record(bytes, used, frames);
      if (step > 0) {
        used += step;
        this.#offset += step;
      } else wanted = -step;
    }
    return { frames, used, wanted };
  }

  /** Bytes that were used, or how many are needed, negative. */
  #magic(bytes: Buffer): number {
    const there = bytes.subarray(0, magic.length);
    const version = magic.length - 1;
    if (there.subarray(0, version).compare(magic, 0, Math.min(there.length, version)) !== 0)
      return this.#fail('this is no capture of kv-event-bridge');
    if (there.length < magic.length) return -magic.length;
    if (there[version] !== magic[version])
      return this.#fail(`the capture has version ${there[version]}, this program reads ${magic[version]}`, version);
    return magic.length;
  }

  #record(bytes: Buffer, at: number, frames: Frame[]): number {
    const there = bytes.length - at;
    if (this.#totals !== null) return there === 0 ? -1 : this.#fail('bytes follow the end of the capture');
    if (there < headBytes) return -headBytes;
    const head = readHead(bytes, at, this.#check);
    if (head === null) return this.#fail('the head of a record has a wrong checksum');
    const size = headBytes + head.bodyBytes;
    if (head.bodyBytes > maxBodyBytes) return this.#fail(`a record claims ${head.bodyBytes} bytes`);
    if (there < size) return -size;
    const body = bytes.subarray(at + headBytes, at + size);
    const problem = isWhole(body, head) ? this.#take(head, body, frames) : 'a record has a wrong checksum';
    if (problem !== null) return this.#fail(problem);
    this.#check = head.check;
    return size;
  }

  /** What is wrong with it; null where nothing is. */
  #take({ type }: RecordHead, body: Buffer, frames: Frame[]): string | null {
    if (this.#meta === null) return this.#takeMeta(type, body);
    switch (type) {
      case recordTypes.origin:
        return this.#takeOrigin(body);
      case recordTypes.frame:
        return this.#takeFrame(body, frames);
      case recordTypes.end:
        return this.#takeEnd(body);
      default:
        return `a record has the unknown type ${type}: a newer program wrote it`;
    }
  }

  #takeMeta(type: number, body: Buffer): string | null {
    if (type !== recordTypes.meta) return 'the first record does not describe the capture';
    this.#meta = readMeta(body.toString());
    return this.#meta === null ? 'the description of the capture cannot be read' : null;
  }

  #takeOrigin(body: Buffer): string | null {
    const origin = readOrigin(body.toString());
    const isKnown = this.#meta?.sources.some(({ name }) => name === origin?.source) === true;
    if (origin === null || !isKnown) return 'a record names no source of the capture';
    this.#origins.set(this.#nextOrigin++, origin);
    return null;
  }

  #takeFrame(body: Buffer, frames: Frame[]): string | null {
    const origin = body.length < 16 ? undefined : this.#origins.get(body.readUInt32BE(0));
    const parts = origin === undefined ? null : partsOf(body);
    if (origin === undefined || parts === null) return 'a frame is not as long as its parts, or comes from nowhere';
    const receivedAt = body.readDoubleBE(4);
    if (!Number.isFinite(receivedAt)) return 'a frame has no time';
    frames.push({ ...origin, parts, receivedAt });
    this.#frames += 1;
    for (const part of parts) this.#bytes += part.length;
    return null;
  }

  #takeEnd(body: Buffer): string | null {
    const totals = readTotals(body.toString());
    if (totals === null) return 'the end of the capture cannot be read';
    if (totals.frames !== this.#frames || totals.bytes !== this.#bytes)
      return `the capture says that it has ${totals.frames} frames, and has ${this.#frames}`;
    this.#totals = totals;
    return null;
  }

  #fail(problem: string, inside = 0): 0 {
    this.#damage = { offset: this.#offset + inside, problem };
    return 0;
  }
}

/** Null where they do not fill the body exactly. */
function partsOf(body: Buffer): readonly Buffer[] | null {
  const count = body.readUInt32BE(12);
  if (count === 0 || count * smallestPart > body.length) return null;
  const parts: Buffer[] = [];
  let at = 16;
  while (parts.length < count && at + smallestPart <= body.length) {
    const end = at + smallestPart + body.readUInt32BE(at);
    if (end > body.length) return null;
    parts.push(body.subarray(at + smallestPart, end));
    at = end;
  }
  return parts.length === count && at === body.length ? parts : null;
}
