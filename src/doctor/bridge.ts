import type { Config } from '../config/config.ts';
import type { Finding } from '../core/finding.ts';
import { bridgeFinding as find } from './bridge-findings.ts';
import type { Asked, BridgeStatus, SinkState, SourceState } from './bridge-status.ts';

const quietAfter = 60;
const lagAfter = 10;

/** What the bridge that runs here says. */
export function* examineBridge(config: Pick<Config, 'name'>, asked: Asked): Generator<Finding> {
  switch (asked.kind) {
    case 'off':
      return;
    case 'absent':
      yield find('bridge-absent', asked.url, 'no bridge answers there');
      return;
    case 'foreign':
      yield find('http-foreign', asked.url, `it is no bridge: ${asked.why}`);
      return;
    case 'bridge':
      yield* ofStatus(config.name, asked.url, asked.status);
  }
}

/** Whether a running bridge, which is active, has the sockets of this configuration. */
export function isActive(asked: Asked): asked is Extract<Asked, { kind: 'bridge' }> {
  return asked.kind === 'bridge' && asked.status.role !== 'standby';
}

function* ofStatus(expected: string, url: string, status: BridgeStatus): Generator<Finding> {
  const { name, role, ready, reasons } = status;
  if (name !== expected)
    yield find('bridge-other-name', url, `its name is ${name}, that of this configuration ${expected}`);
  if (role === 'standby') {
    yield find('bridge-standby', url, `the bridge ${name} waits as a standby`, { facts: { name } });
    return;
  }
  const facts = { name, role, streams: status.streamsKnown };
  yield ready
    ? find('bridge-ready', url, `the bridge ${name} is ready`, { facts })
    : find('bridge-not-ready', url, `the bridge ${name} is not ready: ${reasons.join('; ') || 'it does not say why'}`, {
        facts: { ...facts, reasons },
      });
  for (const source of status.sources) yield* ofSource(source, status.now);
  yield* ofGaps(url, status);
  for (const sink of status.sinks) yield ofSink(sink);
}

function* ofSource(source: SourceState, now: number): Generator<Finding> {
  const { name, endpoint, mode, peers, frames, undecodable, lastFrameAt, skew, trouble } = source;
  const subject = `${name} (${mode} ${endpoint})`;
  const facts = { peers, frames, last_frame_at: lastFrameAt, clock_skew_seconds: skew };
  const age = lastFrameAt === null ? null : Math.max(0, now - lastFrameAt);
  const last = age === null ? 'no frame so far' : `the last frame ${age.toFixed(age < 10 ? 1 : 0)} s ago`;
  const sentence = `${peers} connected, ${frames} frames, ${last}`;
  if (peers === 0) {
    const why = trouble === null ? '' : `; the last trouble: ${trouble}`;
    yield find('bridge-source-alone', subject, `nobody is connected, ${last}${why}`, { facts });
  } else if (age === null || age > quietAfter) yield find('bridge-source-quiet', subject, sentence, { facts });
  else yield find('bridge-source', subject, sentence, { facts });
  if (undecodable > 0) yield find('bridge-undecodable', subject, `${undecodable} could not be read`, { facts });
  if (skew !== null && Math.abs(skew) > 1)
    yield find(
      'bridge-clock-skew',
      subject,
      `times are ${Math.abs(skew).toFixed(1)} s ${skew < 0 ? 'ahead of' : 'behind'} the clock of the bridge`,
      { facts },
    );
}

function* ofGaps(url: string, { streams }: BridgeStatus): Generator<Finding> {
  const holed = streams.filter(({ gaps }) => gaps > 0);
  if (holed.length === 0) return;
  const missing = holed.reduce((sum, one) => sum + BigInt(/^\d{1,20}$/.test(one.missing) ? one.missing : 0), 0n);
  const facts = { streams: holed.slice(0, 20).map(({ id }) => id), missing: String(missing) };
  yield find('bridge-gaps', url, `${holed.length} of its streams have gaps, ${missing} numbers are missing`, { facts });
}

function ofSink({ name, state, message, lag }: SinkState): Finding {
  const facts = { state, lag_seconds: lag };
  const subject = `sink ${name}`;
  if (state === 'down' || state === 'connecting') return find('bridge-sink-down', subject, message ?? state, { facts });
  if (lag > lagAfter) return find('bridge-sink-lag', subject, `records wait for ${lag.toFixed(0)} s`, { facts });
  return find('bridge-sink', subject, 'it is up', { facts });
}
