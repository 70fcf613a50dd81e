/** The same bytes in as few pieces as can be without a copy: neighbours in memory, as records that were made together are, become one. */
export function spansOf(pieces: readonly Buffer[]): Buffer[] {
  const spans: Buffer[] = [];
  let open: Buffer | undefined;
  let end = 0;
  for (const piece of pieces) {
    if (open !== undefined && piece.buffer === open.buffer && piece.byteOffset === end) {
      end += piece.length;
      continue;
    }
    if (open !== undefined) spans.push(whole(open, end));
    open = piece;
    end = piece.byteOffset + piece.length;
  }
  if (open !== undefined) spans.push(whole(open, end));
  return spans;
}

function whole(first: Buffer, end: number): Buffer {
  const length = end - first.byteOffset;
  return length === first.length ? first : Buffer.from(first.buffer, first.byteOffset, length);
}
