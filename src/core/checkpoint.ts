/**
 * Where records stand in their stream. The positions of one stream strictly rise in the order in which its records are
 * emitted, across restarts of the bridge too, and the same engine batch has the same position each time it is emitted.
 */
export interface Position {
  readonly epoch: number;
  /** The last number that is accounted for (as a batch or inside a gap) up to here; null before the first one. */
  readonly seq: bigint | null;
  /** Counts what has no number of its own behind `seq`: control records, frames without a number. 0 = `seq` itself. */
  readonly sub: number;
}

/** Negative where `a` comes before `b`, 0 where they are the same. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  const left = a.seq ?? -1n;
  const right = b.seq ?? -1n;
  if (left !== right) return left < right ? -1 : 1;
  return a.sub - b.sub;
}

/**
 * The position as text whose bytes sort as positions do: fixed widths, since Redis's Lua knows doubles only
 * (2^53 + 1 equals 2^53 there). `null` sorts first: the number is written plus one.
 */
export function positionText({ epoch, seq, sub }: Position): string {
  const number = seq === null ? 0n : seq + 1n;
  return `${String(epoch).padStart(16, '0')}.${String(number).padStart(20, '0')}.${String(sub).padStart(12, '0')}`;
}

/** What a sink holds durably of one stream, kept in that sink: its last position, and how to recognise that batch again. */
export interface Checkpoint {
  readonly position: Position;
  /** The engine's own `ts` of the batch `position.seq`, as sent; null where it had none or that number is missing. */
  readonly ts: number | null;
  /** Fingerprint of the payload that carried `position.seq`; null where it is not known or that number is missing. */
  readonly hash: number | null;
}

/** The value kept in a store, one JSON object: `{"epoch":1763800000000,"seq":"42","sub":0,"ts":1763800000.1,"hash":123}`. */
export function checkpointText({ position, ts, hash }: Checkpoint): string {
  // A template, since this is made with every write; of numbers it says what JSON.stringify says.
  return `{${positionMembers(position)},"ts":${ts},"hash":${hash}}`;
}

/** A position as members of a JSON object: `"epoch":1763800000000,"seq":"42","sub":0`. */
export function positionMembers({ epoch, seq, sub }: Position): string {
  return `"epoch":${epoch},"seq":${seq === null ? 'null' : `"${seq}"`},"sub":${sub}`;
}

/** Null for text that no bridge has written. */
export function parseCheckpoint(text: string): Checkpoint | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { epoch, seq, sub, ts, hash } = value as Record<string, unknown>;
  const isNumber = seq === null || (typeof seq === 'string' && /^\d{1,20}$/.test(seq));
  if (!isCount(epoch) || !isNumber || !isCount(sub)) return null;
  const position = { epoch, seq: seq === null ? null : BigInt(seq), sub };
  return { position, ts: finite(ts), hash: isCount(hash) ? hash : null };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Checkpoints of one sink by stream id; null: the sink keeps none (stdout). */
export type Held = ReadonlyMap<string, Checkpoint> | null;
