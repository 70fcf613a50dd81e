import { byId, fillList, make, setAttribute, setClass, setText } from './dom.js';
import { age, bytes, count, delay, shortCount, span } from './format.js';

/** @import { SinkStatus } from '../src/core/status.ts' */

const facts = /** @type {const} */ (['lag', 'delivered', 'retries', 'dead letters', 'held up']);

/**
 * @param {readonly SinkStatus[]} sinks
 * @param {number} now
 */
export function showSinks(sinks, now) {
  fillList(byId('sinks'), sinks, {
    key: ({ name }) => name,
    make: makeSink,
    fill: (card, sink) => fillSink(card, sink, now),
  });
}

/** @param {SinkStatus} sink */
function makeSink({ name }) {
  const meter = make(
    'div',
    { className: 'meter', attributes: { role: 'meter', 'aria-label': `Lane of ${name}`, 'aria-valuemin': '0' } },
    [make('i')],
  );
  return make('article', { className: 'card sink', attributes: { 'aria-label': `Sink ${name}` } }, [
    make('header', {}, [
      make('h3', { text: name }),
      make('span', { className: 'pill' }),
      make('span', { className: 'delivery' }),
    ]),
    make('p', { className: 'lane' }, [make('span', { text: 'lane' }), make('span', { className: 'fill' })]),
    meter,
    make(
      'dl',
      {},
      facts.map((fact) => make('div', {}, [make('dt', { text: fact }), make('dd')])),
    ),
    make('p', { className: 'message' }),
  ]);
}

/**
 * @param {HTMLElement} card
 * @param {SinkStatus} sink
 * @param {number} now
 */
function fillSink(card, sink, now) {
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (card.querySelector(selector));
  const { lane } = sink;
  const share = lane.limit_bytes > 0 ? Math.min(lane.bytes / lane.limit_bytes, 1) : 0;
  setText(part('.pill'), sink.state);
  setClass(part('.pill'), `pill ${toneOf(sink.state)}`);
  setText(part('.delivery'), sink.delivery ?? '');
  setText(
    part('.fill'),
    `${bytes(lane.bytes)} of ${bytes(lane.limit_bytes)} · ${shortCount(lane.records)} ${lane.records === 1 ? 'record' : 'records'}`,
  );
  setClass(part('.meter'), `meter ${share > 0.9 ? 'bad' : share > 0.6 ? 'warn' : ''}`);
  setAttribute(part('.meter'), 'aria-valuemax', String(lane.limit_bytes));
  setAttribute(part('.meter'), 'aria-valuenow', String(lane.bytes));
  part('.meter i').style.width = `${(share * 100).toFixed(1)}%`;
  const values = [
    delay(sink.lag_seconds),
    shortCount(sink.records_delivered),
    count(sink.retries),
    count(sink.dead_lettered),
    delay(sink.backpressure_seconds),
  ];
  for (const [at, node] of [...card.querySelectorAll('dd')].entries()) setText(node, values[at] ?? '');
  setText(part('.message'), messageOf(sink, now));
  setClass(part('.message'), `message ${sink.message === null ? '' : 'bad'}`);
}

/**
 * Its own words: they name the cause and the remedy.
 *
 * @param {SinkStatus} sink
 * @param {number} now
 */
function messageOf({ state, code, message, since, last_settled_at }, now) {
  if (message !== null) return `${code ?? 'error'}: ${message} (${age(now - since)})`;
  if (state === 'connecting') return `Connecting for ${span(now - since)}.`;
  return last_settled_at === null ? 'Nothing written yet.' : `Last written ${age(now - last_settled_at)}.`;
}

/** @param {SinkStatus['state']} state */
function toneOf(state) {
  return state === 'up' ? 'good' : state === 'down' ? 'bad' : 'warn';
}
