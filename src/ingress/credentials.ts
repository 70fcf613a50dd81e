import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether these are the bytes that are expected. Takes as long for a wrong first letter as for a wrong last one. */
export function isSame(given: Uint8Array, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(Buffer.from(expected)));
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
