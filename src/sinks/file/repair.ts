import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

const newline = 0x0a;
const blockBytes = 65_536;

/**
 * A process or machine that died while it wrote leaves half a line (or zeros) at the end of the newest segment. Cuts the
 * file back to its last newline; returns how many bytes that took.
 */
export async function cutTornLine(path: string): Promise<number> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const whole = await endOfLastLine(handle, size);
    if (whole === size) return 0;
    await handle.truncate(whole);
    await handle.datasync();
    return size - whole;
  } finally {
    await handle.close();
  }
}

/** The offset just after the last newline; 0 where there is none. Reads backwards, a block at a time. */
async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(blockBytes);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const last = block.subarray(0, bytesRead).lastIndexOf(newline);
    if (last !== -1) return start + last + 1;
    end = start;
  }
  return 0;
}
