import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { countOf, sized } from '../../src/cli/amount.ts';
import { statusLineOn } from '../../src/cli/status-line.ts';

class Screen extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

describe('a status line', () => {
  it('on a terminal is written anew, makes room for notes, and leaves nothing behind', async () => {
    const screen = new Screen(true);
    let count = 0;
    const line = statusLineOn(screen, () => `seen ${++count}`);
    await expect.poll(() => screen.text).toContain('seen 2');
    line.note('a note');
    line.stop();
    const { text } = screen;
    expect(text).toContain('\r\x1b[Ka note\n\r\x1b[Kseen');
    expect(text.endsWith('\r\x1b[K')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(screen.text).toBe(text);
  });

  it('in a pipe has only the notes', async () => {
    const screen = new Screen(false);
    const line = statusLineOn(screen, () => 'seen');
    line.note('a note');
    await new Promise((resolve) => setTimeout(resolve, 450));
    line.stop();
    expect(screen.text).toBe('a note\n');
  });
});

describe('amounts', () => {
  it('are in words that fit', () => {
    expect([0, 1, 2, 12_345].map((number) => countOf(number, 'frame'))).toEqual([
      '0 frames',
      '1 frame',
      '2 frames',
      '12,345 frames',
    ]);
    expect([0, 1_023, 1_024, 5_767_168, 3 * 2 ** 40].map(sized)).toEqual([
      '0 bytes',
      '1,023 bytes',
      '1.0 KiB',
      '5.5 MiB',
      '3.0 TiB',
    ]);
  });
});
