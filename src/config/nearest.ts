/** The candidates that `word` may have been meant as, best first, at most three. */
export function nearest(word: string, candidates: readonly string[]): readonly string[] {
  const plain = bare(word);
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain, bare(candidate)) }))
    .filter(
      ({ candidate, distance }) =>
        distance <= Math.max(1, Math.floor(Math.min(plain.length, bare(candidate).length) / 3)),
    )
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** `did you mean ...?`, or all known words where none is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known: ${known.join(', ')}`;
}

/** Spelling habits (snake_case, kebab-case) are no difference. */
function bare(word: string): string {
  return word.slice(0, 100).toLowerCase().replaceAll(/[-_.]/g, '');
}

/** Edits that make one word the other: a letter put in, left out, changed, or two neighbours swapped. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Math.max(i, j);
  for (let i = 0; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length && i > 0; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(change, swap, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
