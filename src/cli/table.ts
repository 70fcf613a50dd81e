/** Columns as wide as their widest cell; numbers to the right. Without a first line where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumber = head.map((_, column) =>
    rows.every((row) => /^(-|[\d.,%\s]+(?:ms|s|min|h|days)?)$/.test(String(row[column]))),
  );
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) =>
    line
      .map((cell, column) => (isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return lines.map((line) => `  ${format(line)}\n`).join('');
}

/** Nothing that a publisher chose may move the cursor or end the line. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');
}

/** A time span in a unit that suits it. */
export function span(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds < 1) return `${(seconds * 1_000).toPrecision(3)} ms`;
  if (seconds < 120) return `${seconds.toPrecision(3)} s`;
  if (seconds < 7_200) return `${(seconds / 60).toPrecision(3)} min`;
  const hours = seconds / 3_600;
  return hours < 48 ? `${hours.toPrecision(3)} h` : `${Math.round(hours / 24)} days`;
}
