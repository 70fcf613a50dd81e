import { ReusedMemory } from '../../core/reused-memory.ts';

/** What Node.js reads at once, and a frame of a long prompt. */
const roomBytes = 65_536;
/** Below this, new memory costs less than to keep some. */
const smallBytes = 4_096;
const maxFree = 16;
/** Of larger ones. */
const maxLarge = 4;

/** Memory for bytes that are read and handled within a moment, used again and again. */
export class Buffers {
  readonly #free: Buffer[] = [];
  readonly #large = new ReusedMemory(maxLarge);

  /** At least so many bytes of room; what stands there is anything. */
  take(size: number): Buffer {
    if (size > roomBytes) return this.#large.take(size);
    if (size < smallBytes) return Buffer.allocUnsafe(size);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(roomBytes);
  }

  /** Nobody reads it any more. */
  give(buffer: Buffer): void {
    if (buffer.length > roomBytes) this.#large.give(buffer);
    else if (buffer.length === roomBytes && this.#free.length < maxFree) this.#free.push(buffer);
  }
}
