import { make } from './dom.js';
import { timeOfDay } from './format.js';

/** @import { BridgeRecord } from './feed.js' */

/** @type {Readonly<Record<string, string>>} */
const tones = {
  StreamGap: 'bad',
  Undecodable: 'bad',
  StreamShared: 'bad',
  StreamRestarted: 'warn',
  StreamRecovered: 'good',
  StreamStarted: 'calm',
};

/** A list of records, the newest above; those that are open stay open. */
export class RecordLog {
  #list;
  #most;
  /** @type {Set<string>} */
  #ids = new Set();

  /**
   * @param {HTMLElement} list
   * @param {{ most: number, nothing: string }} how
   */
  constructor(list, { most, nothing }) {
    this.#list = list;
    this.#most = most;
    this.#list.dataset['nothing'] = nothing;
  }

  clear() {
    this.#ids.clear();
    this.#list.replaceChildren();
  }

  /** @param {readonly BridgeRecord[]} records newest first */
  add(records) {
    const fresh = records.filter(({ id }) => !this.#ids.has(String(id))).slice(0, this.#most);
    if (fresh.length === 0) return;
    this.#list.prepend(...fresh.map(entry));
    for (const { id } of fresh) this.#ids.add(String(id));
    while (this.#list.children.length > this.#most) this.#list.lastElementChild?.remove();
    if (this.#ids.size > 4 * this.#most) this.#ids = new Set([...this.#ids].slice(-2 * this.#most));
  }
}

/** @param {BridgeRecord} record */
function entry(record) {
  const type = String(record['type']);
  const at = record['received_at'];
  const summary = make('summary', {}, [
    make('time', { text: typeof at === 'number' ? timeOfDay(at) : '' }),
    make('span', { className: `type ${tones[type] ?? ''}`, text: type }),
    make('span', { className: 'what', text: sentenceOf(type, record) }),
    make('span', {
      className: 'of',
      text: String(record['stream'] ?? ''),
      attributes: { title: String(record['stream'] ?? '') },
    }),
  ]);
  const details = make('details', {}, [summary]);
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1)
      details.append(make('pre', { text: JSON.stringify(record, null, 2) }));
  });
  return make('li', {}, [details]);
}

/**
 * @param {string} type
 * @param {BridgeRecord} record
 */
function sentenceOf(type, record) {
  const text = (/** @type {string} */ key) => String(record[key] ?? '?');
  switch (type) {
    case 'StreamGap':
      return `${text('missing')} missing: ${text('from_seq')} to ${text('to_seq')}, ${text('reason')}`;
    case 'StreamStarted':
      return `joined: ${text('joined')}`;
    case 'StreamRestarted':
      return `counts again, the last number was ${text('last_seq')}`;
    case 'StreamRecovered':
      return `${text('recovered')} recovered: ${text('from_seq')} to ${text('to_seq')}`;
    case 'StreamShared':
      return 'several publishers share it';
    case 'EmptyBatch':
      return 'a batch without events';
    case 'Undecodable':
      return `${text('reason')}: ${text('message')}`;
    default:
      return eventSentence(record);
  }
}

/** @param {BridgeRecord} record */
function eventSentence({ event, events, seq }) {
  const number = `#${seq ?? '–'}`;
  if (Array.isArray(events)) return `${number} ${events.length} events`;
  const fields = /** @type {Readonly<Record<string, unknown>>} */ (event ?? {});
  const hashes = fields['block_hashes'];
  const tokens = fields['token_ids_hidden'];
  return [
    number,
    Array.isArray(hashes) ? `${hashes.length} ${hashes.length === 1 ? 'block' : 'blocks'}` : '',
    typeof tokens === 'number' ? `${tokens} tokens` : '',
    typeof fields['medium'] === 'string' ? fields['medium'] : '',
  ]
    .filter(Boolean)
    .join(' · ');
}
