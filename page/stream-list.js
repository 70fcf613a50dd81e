/**
 * @import { StreamStatus } from '../src/core/status.ts'
 *
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {string} [hint]
 * @property {boolean} isNumber
 * @property {(stream: StreamStatus) => string | number | bigint} order What it is sorted by.
 */

/** 10.0.0.9 before 10.0.0.10. */
const names = new Intl.Collator('en', { numeric: true });
const states = ['live', 'resumed', 'unsequenced', 'shared', 'recovering'];
const completenesses = ['exact', 'recovering', 'degraded'];

/** @type {readonly Column[]} */
const fixed = [
  { key: 'id', title: 'Stream', isNumber: false, order: ({ id }) => id },
  { key: 'state', title: 'State', isNumber: false, order: ({ state }) => states.indexOf(state) },
  {
    key: 'completeness',
    title: 'Complete',
    hint: 'Whether everything that the publisher has numbered is in the output',
    isNumber: false,
    order: ({ completeness }) => completenesses.indexOf(completeness),
  },
  { key: 'seq', title: 'Position', hint: 'The last sequence number', isNumber: true, order: ({ seq }) => big(seq) },
  { key: 'events', title: 'Events', isNumber: true, order: ({ events }) => events },
  { key: 'gaps', title: 'Gaps', isNumber: true, order: ({ gaps }) => gaps },
  {
    key: 'missing',
    title: 'Missing',
    hint: 'Sequence numbers that never came',
    isNumber: true,
    order: ({ missing }) => big(missing),
  },
  {
    key: 'last',
    title: 'Last event',
    isNumber: true,
    // Smallest age first.
    order: ({ last_event_at }) => -(last_event_at ?? 0),
  },
];

/**
 * The columns of the table; those of sinks have the key `sink:<name>`.
 *
 * @param {readonly string[]} sinks
 * @returns {readonly Column[]}
 */
export function columnsOf(sinks) {
  const ofSinks = sinks.map((sink) => ({
    key: `sink:${sink}`,
    title: `${sink} behind`,
    hint: `Numbers that ${sink} has not settled yet`,
    isNumber: true,
    order: (/** @type {StreamStatus} */ stream) => behind(stream, sink) ?? -1n,
  }));
  return [...fixed, ...ofSinks];
}

/**
 * How many numbers a sink is behind; null where that cannot be told: nothing settled yet, no numbers, or the sink is still
 * at an earlier life of the publisher.
 *
 * @param {StreamStatus} stream
 * @param {string} sink
 */
export function behind({ epoch, seq, sinks }, sink) {
  const settled = sinks[sink];
  if (settled === undefined || settled === null || settled.seq === null || seq === null) return null;
  if (settled.epoch !== epoch) return null;
  const numbers = BigInt(seq) - BigInt(settled.seq);
  return numbers < 0n ? 0n : numbers;
}

/**
 * Those that contain every word of the text, sorted.
 *
 * @param {readonly StreamStatus[]} streams
 * @param {{ text: string, column: Column, isDescending: boolean }} wish
 */
export function arrange(streams, { text, column, isDescending }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = streams.filter((stream) => {
    const haystack = `${stream.id} ${stream.state} ${stream.completeness} ${stream.peer ?? ''}`.toLowerCase();
    return words.every((word) => haystack.includes(word));
  });
  const sign = isDescending ? -1 : 1;
  const keyed = found.map((stream) => ({ stream, key: column.order(stream) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key) || compare(a.stream.id, b.stream.id));
  return keyed.map(({ stream }) => stream);
}

/**
 * @param {string | number | bigint} a
 * @param {string | number | bigint} b
 */
function compare(a, b) {
  if (typeof a === 'string' && typeof b === 'string') return names.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @param {string | null} decimal */
function big(decimal) {
  return decimal === null ? -1n : BigInt(decimal);
}
