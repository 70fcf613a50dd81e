/** `12,345` */
export function counted(number: number): string {
  return number.toLocaleString('en-US');
}

/** `1 frame`, `12,345 frames` */
export function countOf(number: number, thing: string): string {
  return `${counted(number)} ${thing}${number === 1 ? '' : 's'}`;
}

/** Bytes in a unit that suits them. */
export function sized(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024;
  return `${unit === 0 ? counted(value) : value.toFixed(1)} ${units[unit]}`;
}
