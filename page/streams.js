import { byId, make, setAttribute, setClass, setText } from './dom.js';
import { age, count, countText } from './format.js';
import { arrange, behind, columnsOf } from './stream-list.js';

/**
 * @import { StreamStatus } from '../src/core/status.ts'
 * @import { Column } from './stream-list.js'
 */

/** The height that the style sheet gives a row; only rows in sight exist, however many streams there are. */
const rowHeight = 34;
const spare = 6;

export class StreamsTable {
  #scroll = byId('streams-scroll');
  #table = byId('streams');
  #count = byId('streams-count');
  #filter = /** @type {HTMLInputElement} */ (byId('filter'));
  #head = make('tr');
  #above = make('tr', { className: 'pad', attributes: { 'aria-hidden': 'true' } }, [make('td')]);
  #below = make('tr', { className: 'pad', attributes: { 'aria-hidden': 'true' } }, [make('td')]);
  #nothing = make('tr', { className: 'nothing' }, [make('td')]);
  #body = make('tbody', {}, [this.#above, this.#below]);
  /** @type {HTMLTableRowElement[]} */
  #rows = [];
  /** @type {readonly Column[]} */
  #columns = [];
  #sinks = '';
  #sortedBy = 'id';
  #isDescending = false;
  /** @type {readonly StreamStatus[]} */
  #streams = [];
  /** @type {readonly StreamStatus[]} */
  #shown = [];
  #known = 0;
  #now = 0;

  constructor() {
    // For the arrow keys.
    this.#scroll.tabIndex = 0;
    this.#table.append(make('thead', {}, [this.#head]), this.#body);
    this.#scroll.addEventListener('scroll', () => requestAnimationFrame(() => this.#fill()), { passive: true });
    new ResizeObserver(() => this.#fill()).observe(this.#scroll);
    this.#filter.addEventListener('input', () => {
      this.#scroll.scrollTop = 0;
      this.#arrange();
    });
  }

  /**
   * @param {readonly StreamStatus[]} streams
   * @param {{ sinks: readonly string[], known: number, now: number }} about
   */
  show(streams, { sinks, known, now }) {
    this.#setColumns(sinks);
    this.#streams = streams;
    this.#known = known;
    this.#now = now;
    this.#arrange();
  }

  #arrange() {
    const column = this.#columns.find(({ key }) => key === this.#sortedBy) ?? this.#columns[0];
    if (column === undefined) return;
    this.#shown = arrange(this.#streams, { text: this.#filter.value, column, isDescending: this.#isDescending });
    const isFiltered = this.#filter.value.trim() !== '';
    const all = this.#known;
    setText(
      this.#count,
      isFiltered || this.#shown.length < all ? `${count(this.#shown.length)} of ${count(all)}` : count(all),
    );
    setText(
      /** @type {Element} */ (this.#nothing.firstElementChild),
      isFiltered ? 'No stream matches the filter.' : 'No stream yet.',
    );
    setAttribute(this.#table, 'aria-rowcount', String(this.#shown.length + 1));
    this.#fill();
  }

  /** Brings the rows in sight up to date. */
  #fill() {
    const total = this.#shown.length;
    const inSight = Math.ceil(this.#scroll.clientHeight / rowHeight) + 2 * spare;
    const first = Math.max(0, Math.min(Math.floor(this.#scroll.scrollTop / rowHeight) - spare, total - inSight));
    const items = this.#shown.slice(first, first + inSight);
    while (this.#rows.length < items.length) this.#addRow();
    for (const [at, row] of this.#rows.entries()) {
      const stream = items[at];
      row.hidden = stream === undefined;
      if (stream !== undefined) this.#fillRow(row, stream, first + at);
    }
    this.#pad(this.#above, first);
    this.#pad(this.#below, total - first - items.length);
    if (total === 0) this.#body.prepend(this.#nothing);
    else this.#nothing.remove();
  }

  /**
   * @param {HTMLTableRowElement} row
   * @param {number} rows
   */
  #pad(row, rows) {
    row.hidden = rows <= 0;
    const cell = row.cells[0];
    if (cell !== undefined) cell.style.height = `${rows * rowHeight}px`;
  }

  #addRow() {
    const cells = this.#columns.map(({ isNumber }) => make('td', { className: isNumber ? 'number' : '' }));
    const row = make('tr', { className: 'row' }, cells);
    this.#rows.push(row);
    this.#below.before(row);
  }

  /**
   * @param {HTMLTableRowElement} row
   * @param {StreamStatus} stream
   * @param {number} index
   */
  #fillRow(row, stream, index) {
    setAttribute(row, 'aria-rowindex', String(index + 2));
    for (const [at, { key }] of this.#columns.entries()) {
      const cell = row.cells[at];
      if (cell !== undefined) this.#fillCell(cell, key, stream);
    }
  }

  /**
   * @param {HTMLTableCellElement} cell
   * @param {string} key
   * @param {StreamStatus} stream
   */
  #fillCell(cell, key, stream) {
    setText(cell, this.#textOf(key, stream));
    if (key === 'id') setAttribute(cell, 'title', stream.id);
    if (key === 'state') setClass(cell, `state ${stream.state}`);
    if (key === 'completeness') setClass(cell, `state ${stream.completeness}`);
    if (key === 'seq') setAttribute(cell, 'title', stream.epoch === null ? '' : `epoch ${stream.epoch}`);
    if (key === 'gaps' || key === 'missing') setClass(cell, stream.gaps > 0 ? 'number bad' : 'number quiet');
  }

  /**
   * @param {string} key
   * @param {StreamStatus} stream
   */
  #textOf(key, stream) {
    switch (key) {
      case 'id':
      case 'state':
      case 'completeness':
        return stream[key];
      case 'seq':
        return stream.seq ?? '–';
      case 'events':
      case 'gaps':
        return count(stream[key]);
      case 'missing':
        return countText(stream.missing);
      case 'last':
        return stream.last_event_at === null ? '–' : age(this.#now - stream.last_event_at);
      default: {
        const numbers = behind(stream, key.slice('sink:'.length));
        return numbers === null ? '–' : count(numbers);
      }
    }
  }

  /** @param {readonly string[]} sinks */
  #setColumns(sinks) {
    const names = sinks.join();
    if (names === this.#sinks && this.#columns.length > 0) return;
    this.#sinks = names;
    this.#columns = columnsOf(sinks);
    for (const row of this.#rows.splice(0)) row.remove();
    for (const pad of [this.#above, this.#below, this.#nothing]) {
      const cell = pad.cells[0];
      if (cell !== undefined) cell.colSpan = this.#columns.length;
    }
    this.#head.replaceChildren(...this.#columns.map((column) => this.#header(column)));
    this.#markSorted();
  }

  /** @param {Column} column */
  #header({ key, title, hint = '', isNumber }) {
    const button = make('button', { text: title, attributes: { type: 'button', title: hint } });
    button.addEventListener('click', () => {
      this.#isDescending = this.#sortedBy === key ? !this.#isDescending : isNumber && key !== 'last';
      this.#sortedBy = key;
      this.#markSorted();
      this.#arrange();
    });
    const className = `${isNumber ? 'number' : ''} ${key.startsWith('sink:') ? 'sink' : key}`;
    return make('th', { className, attributes: { scope: 'col', 'data-key': key } }, [button]);
  }

  #markSorted() {
    for (const cell of this.#head.cells) {
      const isSorted = cell.dataset['key'] === this.#sortedBy;
      cell.setAttribute('aria-sort', isSorted ? (this.#isDescending ? 'descending' : 'ascending') : 'none');
    }
  }
}
