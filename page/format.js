const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** @param {number | bigint} value */
export function count(value) {
  return whole.format(value);
}

/** @param {number} value */
export function shortCount(value) {
  return Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value);
}

/** @param {number | null} value per second */
export function rate(value) {
  if (value === null) return '–';
  return value < 100 ? tenth.format(value) : shortCount(value);
}

/** Sequence numbers go beyond what a number holds. @param {string} decimal */
export function countText(decimal) {
  return whole.format(BigInt(decimal));
}

const units = /** @type {const} */ ([
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]);

/** A span of time. @param {number} seconds */
export function span(seconds) {
  const positive = Math.max(seconds, 0);
  for (const [size, unit] of units) if (positive >= 2 * size) return `${Math.floor(positive / size)} ${unit}`;
  return positive < 10 && positive > 0 ? `${tenth.format(positive)} s` : `${Math.round(positive)} s`;
}

/** How long ago, in whole steps so that it stands still. @param {number} seconds */
export function age(seconds) {
  return seconds < 1.5 ? 'just now' : `${span(Math.round(seconds))} ago`;
}

/** A short wait. @param {number} seconds */
export function delay(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : span(seconds);
}

/** @param {number} value */
export function bytes(value) {
  if (value < 1_024) return `${value} B`;
  const [size, unit] =
    value < 1_048_576 ? [1_024, 'KiB'] : value < 1_073_741_824 ? [1_048_576, 'MiB'] : [1_073_741_824, 'GiB'];
  return `${tenth.format(value / size)} ${unit}`;
}

/** The reader's own clock. @param {number} seconds since 1970 */
export function timeOfDay(seconds) {
  return clock.format(seconds * 1_000);
}
