/** One entry of a stream; names and values of its fields in turn. */
export interface Entry {
  readonly id: string;
  readonly fields: readonly string[];
}

/** The entries in an answer of XRANGE or XREVRANGE. */
export function entriesOf(answer: unknown): readonly Entry[] {
  if (!Array.isArray(answer)) return [];
  return (answer as readonly (readonly [string, readonly string[] | null])[]).map(([id, fields]) => ({
    id,
    // A deleted entry that is still referred to has none.
    fields: fields ?? [],
  }));
}

export function lastIdOf(answer: unknown): string | null {
  return entriesOf(answer)[0]?.id ?? null;
}

/** The streams in an answer of XREAD: a list of pairs in RESP2, a map (names and values in turn) in RESP3, nil for nothing. */
export function streamsOf(answer: unknown): readonly (readonly [key: string, entries: readonly Entry[]])[] {
  if (!Array.isArray(answer)) return [];
  const pairs = Array.isArray(answer[0])
    ? (answer as readonly (readonly [string, unknown])[])
    : Array.from(
        { length: answer.length / 2 },
        (_, index) => [answer[2 * index] as string, answer[2 * index + 1]] as const,
      );
  return pairs.map(([key, entries]) => [key, entriesOf(entries)]);
}

/** A pattern for SCAN that any text between these pieces matches. */
export function globOf(pieces: readonly string[]): string {
  return pieces.map((piece) => piece.replaceAll(/[[\]*?\\]/g, '\\$&')).join('*');
}
