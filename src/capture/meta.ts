/** A source as it was when its frames were received: whatever tells its publishers apart. */
export interface CapturedSource {
  readonly name: string;
  readonly mode: 'bind' | 'connect';
  /** Of rank 0. */
  readonly endpoint: string;
  readonly transport: 'zmtp' | 'libzmq';
  readonly dataParallelSize: number;
  readonly sequenceScope: 'rank' | 'topic';
  readonly identity: 'auto' | 'topic' | 'peer';
  readonly maxFrameBytes: number;
}

/** What a capture says about itself, first thing. */
export interface CaptureMeta {
  /** Version of the program that wrote it. */
  readonly program: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** At least one; frames come from no other. */
  readonly sources: readonly CapturedSource[];
}

/** Why a capture ended. */
export const endReasons = ['stopped', 'duration', 'count', 'max-bytes', 'finished'] as const;
export type EndReason = (typeof endReasons)[number];

/** What a capture says about itself at its end. */
export interface CaptureTotals {
  readonly frames: number;
  /** Of the frames, all parts together. */
  readonly bytes: number;
  /** When the first and the last frame were received, milliseconds since 1970; null where there is none. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  readonly reason: EndReason;
}

type Fields = Readonly<Record<string, unknown>>;

export function metaText({ program, createdAt, sources }: CaptureMeta): string {
  return JSON.stringify({
    format: 'kv-event-bridge capture',
    program,
    created_at: createdAt,
    sources: sources.map(({ name, mode, endpoint, transport, ...rest }) => ({
      ...{ name, mode, endpoint, transport },
      data_parallel_size: rest.dataParallelSize,
      sequence_scope: rest.sequenceScope,
      identity: rest.identity,
      max_frame_bytes: rest.maxFrameBytes,
    })),
  });
}

/** Null for anything that `metaText` does not write; more keys than these are fine. */
export function readMeta(text: string): CaptureMeta | null {
  const { program, created_at: createdAt, sources } = fieldsOf(text);
  if (typeof program !== 'string' || !isNumber(createdAt) || !Array.isArray(sources)) return null;
  const read = sources.map(readSource);
  const known = read.filter((source) => source !== null);
  const names = new Set(known.map(({ name }) => name));
  return known.length === 0 || names.size < read.length ? null : { program, createdAt, sources: known };
}

function readSource(value: unknown): CapturedSource | null {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Fields;
  const { name, endpoint, data_parallel_size: dataParallelSize, max_frame_bytes: maxFrameBytes } = fields;
  const mode = oneOf(fields['mode'], ['bind', 'connect'] as const);
  const transport = oneOf(fields['transport'], ['zmtp', 'libzmq'] as const);
  const sequenceScope = oneOf(fields['sequence_scope'], ['rank', 'topic'] as const);
  const identity = oneOf(fields['identity'], ['auto', 'topic', 'peer'] as const);
  if (mode === null || transport === null || sequenceScope === null || identity === null) return null;
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,100}$/.test(name) || typeof endpoint !== 'string') return null;
  if (!isCount(dataParallelSize) || !isCount(maxFrameBytes)) return null;
  return { name, mode, endpoint, transport, dataParallelSize, sequenceScope, identity, maxFrameBytes };
}

export function totalsText({ frames, bytes, firstAt, lastAt, reason }: CaptureTotals): string {
  return JSON.stringify({ frames, bytes, first_at: firstAt, last_at: lastAt, reason });
}

/** Null for anything that `totalsText` does not write. */
export function readTotals(text: string): CaptureTotals | null {
  const { frames, bytes, first_at: firstAt, last_at: lastAt, ...rest } = fieldsOf(text);
  const reason = oneOf(rest['reason'], endReasons);
  if (!isCount(frames) || !isCount(bytes) || reason === null) return null;
  if (!(firstAt === null || isNumber(firstAt)) || !(lastAt === null || isNumber(lastAt))) return null;
  return { frames, bytes, firstAt, lastAt, reason };
}

/** Where frames came from, beside their source's own settings. */
export interface Origin {
  readonly source: string;
  readonly endpoint: string;
  readonly peer: string | null;
  readonly connection: number | null;
}

export function originText({ source, endpoint, peer, connection }: Origin): string {
  return JSON.stringify({ source, endpoint, peer, connection });
}

export function readOrigin(text: string): Origin | null {
  const { source, endpoint, peer, connection } = fieldsOf(text);
  if (typeof source !== 'string' || typeof endpoint !== 'string') return null;
  if (!(peer === null || typeof peer === 'string') || !(connection === null || isCount(connection))) return null;
  return { source, endpoint, peer, connection };
}

function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}

function oneOf<T extends string>(value: unknown, words: readonly T[]): T | null {
  return words.find((word) => word === value) ?? null;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
