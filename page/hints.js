import { byId, fillList, make, setText } from './dom.js';

/** @import { Document } from './feed.js' */

/**
 * What to look at while nothing comes.
 *
 * @param {Document} status
 */
export function showHints(status) {
  const isEmpty = status.streams.known === 0;
  byId('empty').hidden = !isEmpty;
  if (!isEmpty) return;
  setText(byId('empty-title'), titleOf(status));
  fillList(byId('hints'), hintsOf(status), {
    key: ({ text }) => text,
    make: ({ text, code }) =>
      make('li', {}, [
        document.createTextNode(`${text} `),
        ...(code === undefined ? [] : [make('code', { text: code })]),
      ]),
    fill: () => undefined,
  });
}

/** @param {Document} status */
function titleOf({ role, sources }) {
  if (role === 'standby') return 'Standing by';
  if (role === 'fenced') return 'Another bridge of this name has taken over';
  return sources.some(({ peers }) => peers > 0)
    ? 'Engines are connected, and none has sent anything yet'
    : 'No engine has connected yet';
}

/**
 * @param {Document} status
 * @returns {{ text: string, code?: string }[]}
 */
function hintsOf({ role, sources }) {
  if (role === 'standby') {
    return [{ text: 'The active bridge of this name receives the events. This one takes over when that one is gone.' }];
  }
  if (role === 'fenced') return fencedHints;
  if (sources.some(({ peers }) => peers > 0)) return [...sources.flatMap(topicHint), ...connectedHints];
  const bound = sources.filter(({ mode }) => mode === 'bind');
  const dialled = sources.filter(({ mode }) => mode === 'connect');
  return [
    ...bound.map(({ endpoint }) => ({
      text: 'Engines dial in here: their --kv-events-config must name this host and this port, with "publisher": "zmq".',
      code: endpoint,
    })),
    ...dialled.map(({ endpoint }) => ({
      text: 'The bridge dials this engine: it must be running, with its events port (not its replay port) open.',
      code: endpoint,
    })),
    { text: 'A firewall or a NetworkPolicy in between turns connections away without a word.' },
    {
      text: 'What the other end answers, and what to change:',
      code: `kv-event-bridge doctor ${(dialled[0] ?? { endpoint: 'tcp://ENGINE:5557' }).endpoint}`,
    },
  ];
}

/**
 * The publisher holds back what was not asked for: only a wrong filter in sight explains the silence.
 *
 * @param {Document['sources'][number]} source
 */
function topicHint({ name, topics }) {
  if (topics.length === 0) return [];
  const text = `The source ${name} asks only for topics that begin with these. Is the topic of the engine among them?`;
  return [{ text, code: topics.map((topic) => JSON.stringify(topic)).join(', ') }];
}

const fencedHints = [
  { text: 'Of two bridges of one name the newer writes, and the older ends. The newer one receives the events.' },
  { text: 'Two outputs: give each bridge a name of its own.', code: 'BRIDGE_NAME' },
  { text: 'One output with a replica: the second one waits as a standby.', code: 'STANDBY=true' },
];

const connectedHints = [
  { text: 'Engines send events when they store or drop blocks: send a prompt that is longer than one block.' },
  {
    text: 'Prefix caching and events must be on:',
    code: '--enable-prefix-caching --kv-events-config \'{"enable_kv_cache_events": true, ...}\'',
  },
  { text: 'What an engine really sends:', code: 'kv-event-bridge doctor tcp://ENGINE:5557' },
];
