import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureDecoder } from '../../src/capture/decoder.ts';
import { CaptureEncoder } from '../../src/capture/encoder.ts';
import { headBytes, magic, sealRecord } from '../../src/capture/format.ts';
import type { Frame } from '../../src/core/frame.ts';
import { anyFrame, encoded, meta, someFrame } from './support.ts';

/** Reads it in pieces of these sizes, the last of them again and again. */
function decoded(bytes: Buffer, sizes: readonly number[] = [bytes.length]) {
  const decoder = new CaptureDecoder();
  const frames: Frame[] = [];
  let rest = Buffer.alloc(0);
  let at = 0;
  for (let piece = 0; at < bytes.length && decoder.damage === null; piece += 1) {
    const size = Math.max(1, sizes[Math.min(piece, sizes.length - 1)] ?? 1);
    rest = Buffer.concat([rest, bytes.subarray(at, at + size)]);
    at += size;
    const step = decoder.decode(rest);
    frames.push(...step.frames);
    rest = rest.subarray(step.used);
  }
  return { frames, decoder, left: rest.length };
}

/** What a frame's record holds, whatever it claims. */
function frameBody([origin, at, count, rest]: [number, number, number, Uint8Array]): Buffer {
  const fields = Buffer.alloc(16);
  fields.writeUInt32BE(origin, 0);
  fields.writeDoubleBE(at, 4);
  fields.writeUInt32BE(count, 12);
  return Buffer.concat([fields, rest]);
}

/** Where the head of the last record that ends at `end` begins. */
function lastHeadAt(bytes: Buffer, end: number): number {
  let at = magic.length;
  for (let next = at; next < end; next += headBytes + bytes.readUInt32BE(next + 4)) at = next;
  return at;
}

const frames: readonly Frame[] = [
  someFrame,
  { ...someFrame, peer: null, connection: null, parts: [Buffer.from('alone')] },
  { ...someFrame, parts: [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0), Buffer.from([255])] },
];
const small = encoded(frames);

describe('a capture', () => {
  it('gives back what went in, however its bytes are cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(90), { minLength: 1 }), (some, sizes) => {
        const { frames: back, decoder, left } = decoded(encoded(some).bytes, sizes);
        expect(back).toEqual(some);
        expect(decoder.meta).toEqual(meta);
        expect(decoder.totals).toMatchObject({ frames: some.length, reason: 'stopped' });
        expect(decoder.damage).toBeNull();
        expect(left).toBe(0);
      }),
    );
  });

  it('cut anywhere gives every frame before the cut, and nothing else', () => {
    for (let cut = 0; cut < small.bytes.length; cut += 1) {
      const { frames: back, decoder } = decoded(small.bytes.subarray(0, cut));
      const whole = small.ends.filter((end) => end <= cut).length;
      expect(back, `cut at ${cut}`).toEqual(frames.slice(0, whole));
      expect(decoder.damage, `cut at ${cut}`).toBeNull();
      expect(decoder.totals).toBeNull();
      expect(decoder.offset).toBeLessThanOrEqual(cut);
      expect(decoder.offset).toBeGreaterThanOrEqual(small.ends[whole - 1] ?? 0);
    }
  });

  it('with any one bit wrong is damaged: told with an offset at or before it, and no frame is wrong', () => {
    for (let bit = 0; bit < small.bytes.length * 8; bit += 1) {
      const bytes = Buffer.from(small.bytes);
      const at = bit >> 3;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      const { frames: back, decoder } = decoded(bytes);
      expect(decoder.damage, `bit ${bit}`).not.toBeNull();
      expect(decoder.damage?.offset, `bit ${bit}`).toBeLessThanOrEqual(at);
      expect(back, `bit ${bit}`).toEqual(frames.slice(0, small.ends.filter((end) => end <= at).length));
    }
  });

  it('with several bytes wrong never throws and never gives a frame that was not written', () => {
    const change = fc.tuple(fc.nat(small.bytes.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(small.bytes);
        for (const [at, by] of changes) bytes[at] = (bytes[at] ?? 0) ^ by;
        const { frames: back, decoder } = decoded(bytes);
        expect(back).toEqual(frames.slice(0, back.length));
        if (!bytes.equals(small.bytes)) expect(decoder.damage).not.toBeNull();
      }),
    );
  });

  it('shows that a record is missing, repeated or elsewhere', () => {
    const same = encoded([someFrame, someFrame, someFrame]);
    const [first = 0, second = 0, third = 0] = same.ends;
    const piece = (from: number, to: number) => same.bytes.subarray(from, to);
    const end = piece(third, same.bytes.length);
    const without = Buffer.concat([piece(0, first), piece(second, same.bytes.length)]);
    const twice = Buffer.concat([piece(0, second), piece(first, second), piece(second, third), end]);
    for (const bytes of [without, twice]) {
      expect(decoded(bytes).decoder.damage?.problem).toBe('the head of a record has a wrong checksum');
    }
    const behind = Buffer.concat([same.bytes, Buffer.from('x')]);
    expect(decoded(behind).decoder.damage).toEqual({
      offset: same.bytes.length,
      problem: 'bytes follow the end of the capture',
    });
  });

  it('is told from other files, and from a later version', () => {
    expect(decoded(Buffer.from('{"v":1,"id":"x"}')).decoder.damage?.problem).toBe(
      'this is no capture of kv-event-bridge',
    );
    const later = Buffer.from(small.bytes);
    later[7] = 2;
    expect(decoded(later).decoder.damage).toEqual({
      offset: 7,
      problem: 'the capture has version 2, this program reads 1',
    });
  });

  it('believes nothing that its checksums do not protect: totals, lengths, origins', () => {
    const claims = (change: (encoder: CaptureEncoder) => Buffer) => {
      const encoder = new CaptureEncoder();
      return decoded(Buffer.concat([encoder.begin(meta), change(encoder)])).decoder.damage?.problem;
    };
    const totals = { frames: 5, bytes: 0, firstAt: null, lastAt: null, reason: 'stopped' } as const;
    expect(claims((encoder) => encoder.end(totals))).toContain('says that it has 5 frames, and has 0');
    expect(claims((encoder) => encoder.frame({ ...someFrame, source: 'other' }))).toContain('names no source');
    expect(claims((encoder) => encoder.frame({ ...someFrame, receivedAt: Number.NaN }))).toContain('no time');
    expect(claims((encoder) => encoder.frame({ ...someFrame, parts: [] }))).toContain('not as long as its parts');
    expect(claims((encoder) => encoder.begin(meta))).toBeDefined();
  });

  it('made by somebody with bad intentions never makes a reader throw, or take more than is there', () => {
    const rest = fc.uint8Array({ maxLength: 30 });
    const parts = fc
      .array(fc.nat(3), { maxLength: 3 })
      .map((lengths) =>
        Buffer.concat(lengths.map((length) => Buffer.from([0, 0, 0, length, ...Buffer.alloc(length)]))),
      );
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text)),
      fc.tuple(fc.nat(1), fc.double(), fc.oneof(fc.nat(3), fc.nat(0xffff_ffff)), fc.oneof(rest, parts)).map(frameBody),
    );
    let mostFrames = 0;
    const record = fc.tuple(fc.constantFrom(0x4d, 0x4f, 0x46, 0x45, 0x00, 0xff), body);
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), (records) => {
        const begun = encoded([someFrame]);
        const chunks = [begun.bytes.subarray(0, begun.ends[0])];
        let check = chunks[0]?.readUInt32BE(lastHeadAt(begun.bytes, begun.ends[0] ?? 0) + 12) ?? 0;
        for (const [type, content] of records) {
          const sealed = Buffer.concat([Buffer.alloc(headBytes), content]);
          check = sealRecord(sealed, type, check);
          chunks.push(sealed);
        }
        const { frames: back, decoder } = decoded(Buffer.concat(chunks));
        expect(back[0]).toEqual(someFrame);
        mostFrames = Math.max(mostFrames, back.length);
        for (const { parts, receivedAt } of back) {
          expect(parts.length).toBeGreaterThan(0);
          expect(Number.isFinite(receivedAt)).toBe(true);
        }
        expect(decoder.totals === null || decoder.totals.frames === back.length).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    // Some are good enough to be read.
    expect(mostFrames).toBeGreaterThan(1);
  });

  it('goes on when there are more origins than it remembers at once', () => {
    const many = Array.from({ length: 10_050 }, (_, connection) => ({ ...someFrame, connection }));
    const back = decoded(encoded([...many, someFrame]).bytes);
    expect(back.frames.map(({ connection }) => connection)).toEqual([...many.map(({ connection }) => connection), 1]);
    expect(back.decoder.totals?.frames).toBe(10_051);
  });
});
