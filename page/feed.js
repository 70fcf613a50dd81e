/**
 * @import { Status, StreamStatus } from '../src/core/status.ts'
 *
 * @typedef {Omit<Status, 'streams'> & { readonly streams: Pick<Status['streams'], 'known' | 'shown'> }} Document
 * @typedef {Readonly<Record<string, unknown>>} BridgeRecord
 *
 * @typedef {object} Receiver
 * @property {() => void} onFresh What was known is void: everything comes anew.
 * @property {(status: Document) => void} onStatus
 * @property {(streams: readonly StreamStatus[]) => void} onStreams
 * @property {(ids: readonly string[]) => void} onGone
 * @property {(records: readonly BridgeRecord[]) => void} onRecords
 * @property {(isThere: boolean) => void} onConnection
 */

/** A bridge says something each second: silent for this long, it hangs or a proxy holds a dead connection. */
const silence = 5_000;
const pause = 1_000;

/**
 * What the bridge tells, for as long as the page is open.
 *
 * @param {Receiver} receiver
 */
export function openFeed(receiver) {
  /** @type {EventSource} */
  let source;
  let heardAt = 0;
  let isFresh = true;

  const connect = () => {
    // Relative to the page: whatever stands before it in a proxy stands before this, too.
    source = new EventSource('live');
    heardAt = Date.now();
    isFresh = true;
    source.addEventListener('error', () => {
      receiver.onConnection(false);
      isFresh = true;
      heardAt = Date.now();
    });
    on('status', receiver.onStatus);
    on('streams', receiver.onStreams);
    on('gone', receiver.onGone);
    on('records', receiver.onRecords);
  };

  /**
   * @param {string} name
   * @param {(data: never) => void} take
   */
  const on = (name, take) => {
    source.addEventListener(name, (event) => {
      heardAt = Date.now();
      if (isFresh) receiver.onFresh();
      if (isFresh) receiver.onConnection(true);
      isFresh = false;
      take(/** @type {never} */ (JSON.parse(/** @type {MessageEvent<string>} */ (event).data)));
    });
  };

  const again = () => {
    source.close();
    receiver.onConnection(false);
    connect();
  };

  connect();
  setInterval(() => {
    // Closed for good: a proxy has answered with an error in the bridge's place.
    const isClosed = source.readyState === EventSource.CLOSED;
    if (isClosed || Date.now() - heardAt > silence) again();
  }, pause);
}
