import type { Finding } from '../core/finding.ts';
import type { Status } from '../core/status.ts';
import { bridgeFinding as find } from './bridge-findings.ts';

/** What to do, by the reason of a `StreamGap`. */
const remedies: Readonly<Record<string, string>> = {
  no_replay:
    'set replay of that source (REPLAY_ENDPOINT where engines dial in): the bridge then asks for what is missing',
  replay_truncated: 'raise buffer_steps of the engine: it no longer had what was missing',
  replay_failed: 'look at its replay socket: doctor <endpoint> --replay <replay endpoint>',
  replay_timeout:
    'look at its replay socket: doctor <endpoint> --replay <replay endpoint>; raise replay.budget if it is slow',
  sink_overflow:
    'the destination is slower than the engines: raise laneBytes of the sink, or set its whenFull to block',
  sink_behind: 'the destination lost what it had, or was away at the start: look at its persistence',
};
const maxNames = 20;

/** What the running bridge could not get, and what it is asking for now. */
export function* examineGaps(url: string, { streams, recent_controls: controls }: Status): Generator<Finding> {
  const recovering = streams.items.filter(({ state }) => state === 'recovering').map(({ id }) => id);
  if (recovering.length > 0)
    yield find('bridge-recovering', url, `engines are asked for what is missing in ${plural(recovering.length)}`, {
      facts: { streams: recovering.slice(0, maxNames) },
    });
  const holed = streams.items.filter(({ gaps }) => gaps > 0);
  if (holed.length === 0) return;
  const missing = holed.reduce((sum, one) => sum + BigInt(/^\d{1,20}$/.test(one.missing) ? one.missing : 0), 0n);
  const newest = controls.find(({ type }) => type === 'StreamGap')?.['reason'];
  const reason = typeof newest === 'string' ? newest : null;
  const why = reason === null ? '' : `; the newest for the reason ${reason}`;
  const remedy = reason !== null && Object.hasOwn(remedies, reason) ? remedies[reason] : undefined;
  yield find('bridge-gaps', url, `${missing} batches are lost, in ${plural(holed.length)}${why}`, {
    ...(remedy !== undefined && { remedy }),
    facts: { streams: holed.slice(0, maxNames).map(({ id }) => id), missing: String(missing), reason },
  });
}

function plural(count: number): string {
  return count === 1 ? '1 stream' : `${count} streams`;
}
