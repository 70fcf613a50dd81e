import { byId, fillList, make, setAttribute, setClass, setText } from './dom.js';
import { age, bytes, count, delay, shortCount } from './format.js';

/** @import { SourceStatus } from '../src/core/status.ts' */

const titles = [
  'Source',
  'Endpoint',
  'State',
  'Publishers',
  'Frames',
  'Bytes',
  'Events',
  'Undecodable',
  'Duplicates',
  'Last frame',
  'Clock skew',
  'Last trouble',
];
const texts = new Set(['Source', 'Endpoint', 'State', 'Last trouble']);
const body = make('tbody');

/**
 * @param {readonly SourceStatus[]} sources
 * @param {number} now
 */
export function showSources(sources, now) {
  const table = byId('sources');
  if (table.children.length === 0) {
    const heads = titles.map((title) =>
      make('th', { text: title, className: texts.has(title) ? '' : 'number', attributes: { scope: 'col' } }),
    );
    table.append(make('thead', {}, [make('tr', {}, heads)]), body);
  }
  fillList(body, sources, {
    key: ({ name, endpoint }) => `${name} ${endpoint}`,
    make: () =>
      make(
        'tr',
        {},
        titles.map((title) => make('td', { className: texts.has(title) ? '' : 'number' })),
      ),
    fill: (row, source) => fillRow(row, source, now),
  });
}

/**
 * @param {HTMLTableRowElement} row
 * @param {SourceStatus} source
 * @param {number} now
 */
function fillRow(row, source, now) {
  const { events, last_frame_at, clock_skew_seconds: skew, last_trouble: trouble } = source;
  const values = [
    source.name,
    `${source.mode} ${source.endpoint}`,
    source.state,
    count(source.peers),
    shortCount(source.frames),
    bytes(source.bytes),
    shortCount(events.BlockStored + events.BlockRemoved + events.AllBlocksCleared + events.other),
    count(source.undecodable),
    count(source.duplicates),
    last_frame_at === null ? 'never' : age(now - last_frame_at),
    skew === null ? '–' : `${skew < 0 ? '−' : ''}${delay(Math.abs(skew))}`,
    trouble === null
      ? 'none'
      : `${trouble.reason}, ${age(now - trouble.at)}${trouble.peer === null ? '' : `, ${trouble.peer}`}: ${trouble.message}`,
  ];
  for (const [at, cell] of [...row.cells].entries()) setText(cell, values[at] ?? '');
  const [, , state] = row.cells;
  if (state !== undefined) setClass(state, `state ${source.state === 'open' ? 'exact' : 'recovering'}`);
  const last = row.cells[titles.length - 1];
  if (last !== undefined) setAttribute(last, 'title', trouble?.message ?? '');
}
