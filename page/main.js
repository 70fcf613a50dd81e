import { Chart } from './charts.js';
import { byId, setClass, setText } from './dom.js';
import { openFeed } from './feed.js';
import { delay, rate, timeOfDay } from './format.js';
import { showHints } from './hints.js';
import { History } from './history.js';
import { showFigures, showHead, showWeakened } from './overview.js';
import { RecordLog } from './records.js';
import { showSinks } from './sinks.js';
import { showSources } from './sources.js';
import { StreamsTable } from './streams.js';

/**
 * @import { StreamStatus } from '../src/core/status.ts'
 * @import { BridgeRecord, Document } from './feed.js'
 */

const history = new History();
/** @type {Map<string, StreamStatus>} */
const streams = new Map();
const table = new StreamsTable();
const controls = new RecordLog(byId('controls'), { most: 50, nothing: 'No control records yet.' });
const records = new RecordLog(byId('records'), { most: 60, nothing: 'No records yet.' });
const throughput = new Chart({ place: byId('throughput'), legend: byId('throughput-legend'), format: rate, least: 10 });
const lag = new Chart({ place: byId('lag'), legend: byId('lag-legend'), format: delay, least: 0.1 });
const pause = byId('pause');

/** @type {Document | null} */
let status = null;
/** @type {BridgeRecord[]} */
let waiting = [];
let isPaused = false;
let isConnected = false;
let isDrawing = false;

/** At most once per frame, and not at all while nobody looks. */
function draw() {
  if (isDrawing || isPaused) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (status !== null && !isPaused) drawNow(status);
  });
}

/** @param {Document} shown */
function drawNow(shown) {
  const { now, sinks } = shown;
  const all = [...streams.values()];
  showHead(shown);
  showHints(shown);
  showFigures(shown, all, history);
  throughput.show(history.times, [
    { label: 'events/s', values: history.events },
    { label: 'batches/s', values: history.batches },
  ]);
  lag.show(
    history.times,
    [...history.lags].map(([label, values]) => ({ label, values })),
  );
  showSinks(sinks, now);
  showSources(shown.sources, now);
  table.show(all, { sinks: sinks.map(({ name }) => name), known: shown.streams.known, now });
  controls.add(/** @type {readonly BridgeRecord[]} */ (shown.recent_controls));
  records.add(waiting.reverse());
  waiting = [];
  showWeakened(shown.weakened);
}

function showConnection() {
  const text = isConnected
    ? isPaused
      ? `paused at ${timeOfDay(status?.now ?? 0)}`
      : 'live'
    : 'connection lost, trying again';
  setText(byId('connection'), text);
  setClass(byId('connection'), `connection ${isConnected ? (isPaused ? 'paused' : 'good') : 'bad'}`);
  setClass(document.body, isConnected ? '' : 'stale');
}

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  setText(pause, isPaused ? 'Resume' : 'Pause');
  showConnection();
  draw();
});

openFeed({
  onFresh: () => {
    streams.clear();
    history.interrupt();
    controls.clear();
  },
  onStatus: (document) => {
    status = document;
    history.add(document);
    draw();
  },
  onStreams: (changed) => {
    for (const stream of changed) streams.set(stream.id, stream);
    draw();
  },
  onGone: (ids) => {
    for (const id of ids) streams.delete(id);
    draw();
  },
  onRecords: (newest) => {
    waiting = [...waiting, ...newest].slice(-60);
    draw();
  },
  onConnection: (isThere) => {
    isConnected = isThere;
    showConnection();
  },
});
