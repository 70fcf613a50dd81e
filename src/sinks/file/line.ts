import type { Checkpoint } from '../../core/checkpoint.ts';

/** What the envelope of one line says about its place in its stream. */
export interface Line {
  readonly stream: string;
  readonly epoch: number;
  /** The same for all lines of one engine batch, and for no other line: `stream@epoch.number`. */
  readonly batch: string;
  /** Which event of its batch; null for a `Batch` and for control records. */
  readonly index: number | null;
  /** How many lines its batch has, where this can be the first of them; else 0. */
  readonly lines: number;
  readonly moves: Move;
}

/** How a whole batch moves its stream: to a number of the publisher, or by so many places behind the last one. */
type Move = { readonly to: bigint; readonly ts: number | null } | { readonly by: number };

type Document = Readonly<Record<string, unknown>>;

/** Null for a line that no bridge has written. */
export function parseLine(text: string): Line | null {
  const document = parse(text);
  if (document === null) return null;
  const { id, stream, epoch, index, count } = document;
  if (typeof id !== 'string' || typeof stream !== 'string' || !isCount(epoch)) return null;
  if (!isCountOrNull(index) || !isCountOrNull(count)) return null;
  const start = `${stream}@${epoch}.`;
  const ordinal = id.startsWith(start) ? /^n?\d{1,20}(?=\.|$)/.exec(id.slice(start.length))?.[0] : undefined;
  if (ordinal === undefined) return null;
  const moves = moveOf(document, ordinal, count);
  return moves && { stream, epoch, batch: start + ordinal, index, lines: linesOf(document, index, count), moves };
}

/**
 * What the sink holds of a stream once it holds this batch, too: what `pipeline/emission.ts` gave it, as far as records
 * tell. None has the fingerprint of its payload, and an `EmptyBatch` not the engine's time either.
 */
export function checkpointAfter(before: Checkpoint | undefined, { epoch, moves }: Line): Checkpoint {
  if ('to' in moves) return { position: { epoch, seq: moves.to, sub: 0 }, ts: moves.ts, hash: null };
  const nothing = { position: { epoch, seq: null, sub: 0 }, ts: null, hash: null };
  const { position, ts, hash } = before?.position.epoch === epoch ? before : nothing;
  return { position: { ...position, sub: position.sub + moves.by }, ts, hash };
}

function moveOf(document: Document, ordinal: string, count: number | null): Move | null {
  const { type } = document;
  if (type === 'StreamGap') return moveOfGap(document);
  // What has no count and is neither of these stands for no batch: the bridge itself says something.
  const isMark = count === null && type !== 'EmptyBatch' && type !== 'Undecodable';
  if (isMark || ordinal.startsWith('n')) return { by: 1 };
  return { to: BigInt(ordinal), ts: typeof document['ts'] === 'number' ? document['ts'] : null };
}

/** A gap of batches without numbers says how many there were. */
function moveOfGap({ to_seq: to, missing }: Document): Move | null {
  if (isDecimal(to)) return { to: BigInt(to), ts: null };
  return isDecimal(missing) ? { by: Number(missing) } : null;
}

/** With `record: batch` one line has all events that could be read; each of the others has one. */
function linesOf({ type, events }: Document, index: number | null, count: number | null): number {
  if (count === null) return 1;
  if (type === 'Batch' && index === null) return Math.max(1, 1 + count - (Array.isArray(events) ? events.length : 0));
  return index === 0 ? Math.max(1, count) : 0;
}

function parse(text: string): Document | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Document) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value);
}
