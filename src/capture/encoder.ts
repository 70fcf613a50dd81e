import { BridgeError } from '../core/errors.ts';
import type { Frame } from '../core/frame.ts';
import { bytesOf } from '../core/frame.ts';
import { firstCheck, headBytes, magic, maxBodyBytes, recordTypes, sealRecord } from './format.ts';
import type { CaptureMeta, CaptureTotals } from './meta.ts';
import { metaText, originText, totalsText } from './meta.ts';

/** Origins remembered at once; beyond that they are stated again, under new numbers. */
const maxOrigins = 10_000;
/** Of a frame's body: origin, time, number of parts. */
const frameFields = 16;

/** From frames to the bytes of a capture, each record in its order. No file, no clock. */
export class CaptureEncoder {
  readonly #origins = new Map<string, number>();
  #nextOrigin = 0;
  #check = firstCheck;

  /** What a capture begins with. */
  begin(meta: CaptureMeta): Buffer {
    return Buffer.concat([magic, this.#text(recordTypes.meta, metaText(meta))]);
  }

  /** A copy of the frame as records: the frame's own, behind that of its origin where that is new. */
  frame(frame: Frame): Buffer {
    const { known, origin } = this.#originOf(frame);
    const { parts } = frame;
    const size = frameFields + 4 * parts.length + bytesOf(frame);
    if (size > maxBodyBytes)
      throw new BridgeError(
        'FRAME_TOO_LARGE',
        `a frame of ${size} bytes is more than a capture takes (${maxBodyBytes})`,
      );
    const record = Buffer.allocUnsafe(headBytes + size);
    record.writeUInt32BE(origin, headBytes);
    record.writeDoubleBE(frame.receivedAt, headBytes + 4);
    record.writeUInt32BE(parts.length, headBytes + 12);
    let at = headBytes + frameFields;
    for (const part of parts) {
      record.writeUInt32BE(part.length, at);
      part.copy(record, at + 4);
      at += 4 + part.length;
    }
    this.#check = sealRecord(record, recordTypes.frame, this.#check);
    return known === null ? record : Buffer.concat([known, record]);
  }

  end(totals: CaptureTotals): Buffer {
    return this.#text(recordTypes.end, totalsText(totals));
  }

  /** `known`: the record that states it; null where one has. */
  #originOf({ source, endpoint, peer, connection }: Frame): { known: Buffer | null; origin: number } {
    const key = `${source} ${endpoint} ${peer} ${connection}`;
    const before = this.#origins.get(key);
    if (before !== undefined) return { known: null, origin: before };
    if (this.#origins.size >= maxOrigins) this.#origins.clear();
    const origin = this.#nextOrigin++;
    this.#origins.set(key, origin);
    return { known: this.#text(recordTypes.origin, originText({ source, endpoint, peer, connection })), origin };
  }

  #text(type: number, text: string): Buffer {
    const record = Buffer.alloc(headBytes + Buffer.byteLength(text));
    record.write(text, headBytes);
    this.#check = sealRecord(record, type, this.#check);
    return record;
  }
}
