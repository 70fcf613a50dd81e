import { expect } from 'vitest';
import { FastTranscoder } from '../../../src/wire/fast/transcoder.ts';
import type { Transcoder } from '../../../src/wire/reading.ts';
import { referenceTranscoder } from '../../../src/wire/reference.ts';
import { envelope } from '../support.ts';

let fallbacks = 0;
const onFallback = () => {
  fallbacks += 1;
};
const withKernel = new FastTranscoder(onFallback);
const without = new FastTranscoder(onFallback, null);

/** Batches left to the reference implementation so far, by either way. */
export function fallbacksSoFar(): number {
  return fallbacks;
}

/** With the kernel and without it the fast transcoder writes what the reference implementation does. */
export function expectEqual(payload: Buffer): void {
  const expected = recordsOf(referenceTranscoder, payload);
  // Texts of megabytes: only what differs is worth showing.
  for (const transcoder of [withKernel, without]) {
    const got = recordsOf(transcoder, payload);
    if (got !== expected) expect(differenceOf(got, expected)).toBe('');
  }
}

/** And does so itself. */
export function expectWalked(payload: Buffer): void {
  const before = fallbacks;
  expectEqual(payload);
  expect(fallbacks).toBe(before);
}

function recordsOf(transcoder: Transcoder, payload: Buffer): string {
  const reading = transcoder.read(payload);
  if (!reading.ok) return `${reading.failure.reason}: ${reading.failure.message}`;
  const { failures, counts, ts, rank } = reading.batch;
  const head = JSON.stringify([failures.map(({ reason }) => reason), counts, String(ts), rank]);
  return head + reading.batch.render(envelope(), 'event').bytes.toString('latin1');
}

function differenceOf(got: string, expected: string): string {
  let at = 0;
  while (got[at] === expected[at]) at += 1;
  return `at ${at}: ${got.slice(at - 40, at + 40)} instead of ${expected.slice(at - 40, at + 40)}`;
}
