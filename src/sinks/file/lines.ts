import type { FileHandle } from 'node:fs/promises';

const newline = 0x0a;
const blockBytes = 1_048_576;

/** A whole line without its newline, and the offset just after that. */
export interface WholeLine {
  readonly bytes: Buffer;
  readonly end: number;
}

/** The whole lines from an offset on, as far as the file has them now or up to `limit`; what no newline ends is left out. */
export async function* linesIn(
  handle: FileHandle,
  from: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<WholeLine> {
  let carried: Buffer[] = [];
  let position = from;
  while (position < limit) {
    const wanted = Math.min(blockBytes, limit - position);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
    if (bytesRead === 0) return;
    const block = buffer.subarray(0, bytesRead);
    let start = 0;
    for (let at = block.indexOf(newline); at !== -1; at = block.indexOf(newline, start)) {
      yield { bytes: Buffer.concat([...carried, block.subarray(start, at)]), end: position + at + 1 };
      carried = [];
      start = at + 1;
    }
    if (start < bytesRead) carried.push(block.subarray(start));
    position += bytesRead;
  }
}
