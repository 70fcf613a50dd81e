import { crc32c } from '@node-rs/crc32';

/** First bytes of every capture; the last of them is the version of the format. What they mean: docs/capture.md. */
export const magic = Buffer.from([0x89, 0x4b, 0x56, 0x43, 0x41, 0x50, 0x0a, 0x01]);

/** Bytes of a record before its body. */
export const headBytes = 16;
/** A body above it is refused, on both sides: no engine comes near it. */
export const maxBodyBytes = 0x4000_0000;

const lengthAt = 4;
const bodyCheckAt = 8;
const headCheckAt = 12;

/** Types of records, as their first byte. */
export const recordTypes = { meta: 0x4d, origin: 0x4f, frame: 0x46, end: 0x45 } as const;

/** What the check of the first head goes on from. */
export const firstCheck = crc32c(magic);

export interface RecordHead {
  readonly type: number;
  readonly bodyBytes: number;
  readonly bodyCheck: number;
  /** What the check of the next head goes on from. */
  readonly check: number;
}

/**
 * Writes the head of a record in front of its body, which stands in `record` already. The check of a head goes on from
 * that of the one before, so that a record that is missing, repeated or in another place shows. Gives that check.
 */
export function sealRecord(record: Buffer, type: number, before: number): number {
  record.writeUInt32BE(type * 0x100_0000, 0);
  record.writeUInt32BE(record.length - headBytes, lengthAt);
  record.writeUInt32BE(crc32c(record.subarray(headBytes)), bodyCheckAt);
  const check = crc32c(record.subarray(0, headCheckAt), before);
  record.writeUInt32BE(check, headCheckAt);
  return check;
}

/** The head at `at`; null where its bytes are not what was written. */
export function readHead(bytes: Buffer, at: number, before: number): RecordHead | null {
  const check = crc32c(bytes.subarray(at, at + headCheckAt), before);
  if (check !== bytes.readUInt32BE(at + headCheckAt)) return null;
  return {
    // Three bytes that are 0 now: a later version that needs them is another type to this one.
    type: bytes.readUInt32BE(at) / 0x100_0000,
    bodyBytes: bytes.readUInt32BE(at + lengthAt),
    bodyCheck: bytes.readUInt32BE(at + bodyCheckAt),
    check,
  };
}

export function isWhole(body: Buffer, { bodyCheck }: RecordHead): boolean {
  return crc32c(body) === bodyCheck;
}
