import { byId, fillList, make, setClass, setText } from './dom.js';
import { count, countText, delay, rate, span } from './format.js';

/**
 * @import { StreamStatus } from '../src/core/status.ts'
 * @import { Document } from './feed.js'
 * @import { History } from './history.js'
 */

const tones = { exact: 'good', recovering: 'warn', degraded: 'bad' };
const ready = {
  active: 'Every source is open and every sink takes records.',
  fenced: 'Another bridge of this name has taken over.',
  standby: 'Waits until the active bridge of this name is gone.',
};

/** @param {Document} status */
export function showHead(status) {
  setText(byId('name'), status.name);
  document.title = `${status.ready ? '' : '⚠ '}${status.name}`;
  setText(byId('version'), `kv-event-bridge ${status.version}`);
  setText(byId('role'), `· ${status.role}`);
  setText(byId('uptime'), `· up ${span(status.now - status.started_at)}`);
  setText(byId('readiness'), status.ready ? 'ready' : 'not ready');
  setClass(byId('readiness'), `pill ${status.ready ? 'good' : 'bad'}`);
  setText(byId('completeness'), status.completeness);
  setClass(byId('completeness'), `pill ${tones[status.completeness]}`);
  const reasons = status.ready ? [ready[status.role]] : status.reasons;
  setClass(byId('reasons'), `reasons ${status.ready ? '' : 'bad'}`);
  fillList(byId('reasons'), reasons, { key: String, make: () => make('li'), fill: setText });
}

/**
 * @param {Document} status
 * @param {readonly StreamStatus[]} streams
 * @param {History} history
 */
export function showFigures(status, streams, history) {
  const slowest = status.sinks.reduce((worst, sink) => Math.max(worst, sink.lag_seconds), 0);
  const slow = status.sinks.find(({ lag_seconds }) => lag_seconds === slowest && slowest > 0);
  const sums = sumOf(streams);
  const publishers = status.sources.reduce((sum, { peers }) => sum + peers, 0);
  const figures = [
    {
      title: 'Events per second',
      value: rate(history.events.at(-1) ?? null),
      note: `peak ${rate(peakOf(history.events))}`,
    },
    {
      title: 'Batches per second',
      value: rate(history.batches.at(-1) ?? null),
      note: `peak ${rate(peakOf(history.batches))}`,
    },
    { title: 'Streams', value: count(status.streams.known), note: `${count(publishers)} publishers connected` },
    {
      title: 'Missing',
      value: countText(String(sums.missing)),
      note: `${count(sums.gaps)} gaps, ${count(sums.recovered)} recovered`,
      tone: sums.missing > 0n ? 'bad' : '',
    },
    { title: 'Not exact', value: count(sums.inexact), note: 'streams', tone: sums.inexact > 0 ? 'bad' : '' },
    { title: 'Largest lag', value: delay(slowest), note: slow?.name ?? 'every lane is empty' },
  ];
  fillList(byId('figures'), figures, {
    key: ({ title }) => title,
    make: ({ title }) => make('div', { className: 'card' }, [make('h3', { text: title }), make('b'), make('small')]),
    fill: (card, { value, note, tone = '' }) => {
      const [, number, small] = card.children;
      if (number === undefined || small === undefined) return;
      setText(number, value);
      setClass(number, tone);
      setText(small, note);
    },
  });
}

/** Of the last minutes. @param {readonly (number | null)[]} values */
function peakOf(values) {
  return values.reduce((most, value) => (value !== null && value > (most ?? -1) ? value : most), null);
}

/** @param {readonly StreamStatus[]} streams */
function sumOf(streams) {
  const sums = { missing: 0n, gaps: 0, recovered: 0n, inexact: 0 };
  for (const { missing, gaps, recovered, completeness } of streams) {
    sums.missing += BigInt(missing);
    sums.gaps += gaps;
    sums.recovered += BigInt(recovered);
    if (completeness !== 'exact') sums.inexact += 1;
  }
  return sums;
}

/** @param {Document['weakened']} weakened */
export function showWeakened(weakened) {
  byId('weakened-card').hidden = weakened.length === 0;
  fillList(byId('weakened'), weakened, {
    key: ({ setting }) => setting,
    make: () => make('div', {}, [make('dt'), make('dd')]),
    fill: (row, { setting, value, why }) => {
      const [term, text] = row.children;
      if (term !== undefined) setText(term, `${setting}: ${value}`);
      if (text !== undefined) setText(text, why);
    },
  });
}
