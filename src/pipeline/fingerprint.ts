import { crc32 } from '@node-rs/crc32';

/** Tells two payloads with the same number apart; not a checksum against malice. */
export function fingerprintOf(payload: Buffer): number {
  return crc32(payload) * 4096 + (payload.length % 4096);
}
