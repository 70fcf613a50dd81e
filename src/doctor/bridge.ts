import type { Config } from '../config/config.ts';
import type { Finding } from '../core/finding.ts';
import type { FindingDetails } from '../core/finding-table.ts';
import type { SinkStatus, SourceStatus, Status } from '../core/status.ts';
import { bridgeFinding as find } from './bridge-findings.ts';
import { examineGaps } from './bridge-gaps.ts';
import type { Asked } from './bridge-status.ts';

const quietAfter = 60;
const lagAfter = 10;

/** What the bridge that runs here says. */
export function* examineBridge(config: Pick<Config, 'name'>, asked: Asked): Generator<Finding> {
  switch (asked.kind) {
    case 'off':
      return;
    case 'absent':
      yield find('bridge-absent', asked.url, 'nobody answers there: no bridge runs here, or it has another HTTP port');
      return;
    case 'foreign':
      yield find('http-foreign', asked.url, asked.why);
      return;
    case 'bridge':
      yield* ofStatus(config.name, asked.url, asked.status);
  }
}

/** Whether a running bridge, which is active, has the sockets of this configuration. */
export function isActive(asked: Asked): asked is Extract<Asked, { kind: 'bridge' }> {
  return asked.kind === 'bridge' && asked.status.role === 'active';
}

function* ofStatus(expected: string, url: string, status: Status): Generator<Finding> {
  const { name, role } = status;
  if (name !== expected)
    yield find('bridge-other-name', url, `its name is ${name}, that of this configuration ${expected}`);
  yield readiness(url, status);
  // One that waits has nothing open; of one that was fenced everything else follows from that.
  if (role === 'active') for (const source of status.sources) yield* ofSource(source, status.now);
  yield* examineGaps(url, status);
  for (const sink of status.sinks)
    if (role === 'active' || (role === 'standby' && sink.state === 'down')) yield ofSink(sink, status.now);
}

function readiness(url: string, { name, role, version, ready, reasons, streams }: Status): Finding {
  const facts = { name, role, version, streams: streams.known, reasons };
  if (role === 'fenced') {
    const cause = `another bridge named ${name} has taken over from the one here`;
    return find('bridge-fenced', url, `FENCED: ${cause}`, { facts, cause });
  }
  // What is wrong with a sink stands in the finding of that sink.
  const short = reasons.map((reason) => (/^sink [^:]+(?=:)/.exec(reason) ?? [reason])[0]);
  const why = `the bridge ${name} is not ready: ${short.join('; ') || 'it does not say why'}`;
  const isEnding = reasons.some((reason) => reason.startsWith('draining'));
  if (!ready)
    return find('bridge-not-ready', url, why, { facts, ...(isEnding && { cause: 'the bridge is about to end' }) });
  return role === 'standby'
    ? find('bridge-standby', url, `the bridge ${name} waits as a standby, ready to take over`, { facts })
    : find('bridge-ready', url, `the bridge ${name} is ready`, { facts });
}

function* ofSource(source: SourceStatus, now: number): Generator<Finding> {
  const { name, endpoint, mode, state, peers, frames, undecodable } = source;
  const { last_frame_at: lastFrameAt, clock_skew_seconds: skew } = source;
  const subject = `${name} (${mode} ${endpoint})`;
  const facts = { endpoint, peers, frames, last_frame_at: lastFrameAt, clock_skew_seconds: skew };
  const age = lastFrameAt === null ? null : Math.max(0, now - lastFrameAt);
  const last = age === null ? 'no frame so far' : `the last frame ${seconds(age)} ago`;
  const sentence = `${peers} connected, ${frames} frames, ${last}`;
  if (state !== 'open') yield find('bridge-source-closed', subject, `it is ${state}`, { facts });
  else if (peers === 0)
    yield find('bridge-source-alone', subject, `nobody is connected, ${last}${troubleOf(source, now)}`, { facts });
  else if (age === null)
    yield find('bridge-source-quiet', subject, sentence, {
      facts,
      cause: 'connected, and no frame came',
      ...filtered(source),
    });
  else if (age > quietAfter) yield find('bridge-source-quiet', subject, sentence, { facts });
  else yield find('bridge-source', subject, sentence, { facts });
  if (undecodable > 0) yield find('bridge-undecodable', subject, `${undecodable} could not be read`, { facts });
  if (skew !== null && Math.abs(skew) > 1) {
    const side = skew < 0 ? 'ahead of' : 'behind';
    yield find('bridge-clock-skew', subject, `times are ${seconds(Math.abs(skew))} ${side} the clock of the bridge`, {
      facts,
      cause: `clock ${side} ours`,
    });
  }
}

/** The bridge never sees what its filter keeps away: that no frame comes may well be its work. */
function filtered({ topics }: SourceStatus): FindingDetails {
  if (topics.length === 0) return {};
  const filter = topics.map((topic) => JSON.stringify(topic)).join(' or ');
  return {
    cause: `connected, and no frame of a topic that begins with ${filter}`,
    remedy: `compare topics (${filter}) with what the engines send, or leave it empty for every topic; send the engine a request and look again`,
  };
}

function troubleOf({ last_trouble: trouble }: SourceStatus, now: number): string {
  if (trouble === null) return '';
  const { at, message, peer } = trouble;
  return `; the last trouble, ${seconds(Math.max(0, now - at))} ago${peer === null ? '' : `, with ${peer}`}: ${message}`;
}

function ofSink({ name, state, since, code, kind, message, lag_seconds: lag }: SinkStatus, now: number): Finding {
  const facts = { state, code, kind, lag_seconds: lag };
  const subject = `sink ${name}`;
  const age = seconds(Math.max(0, now - since));
  if (state === 'connecting')
    return find('bridge-sink-connecting', subject, `not connected yet, after ${age}`, { facts });
  if (state === 'down') {
    const { sentence, remedy } = parted(message ?? 'it does not say why');
    const passes = kind === 'transient' || kind === 'reopen';
    const patience = passes ? '; the bridge tries again by itself, and keeps the records' : '';
    return find('bridge-sink-down', subject, `down for ${age}: ${sentence}`, {
      facts: { ...facts, message },
      cause: code === null ? 'down' : `down (${code})`,
      remedy: `${remedy ?? 'mend what its error names'}${patience}`,
    });
  }
  if (lag > lagAfter) return find('bridge-sink-lag', subject, `records wait for ${seconds(lag)}`, { facts });
  return find('bridge-sink', subject, 'it is up', { facts });
}

function seconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

/** Messages of sinks end with their remedy, in brackets or behind a semicolon; several are one sentence each. */
function parted(message: string): { readonly sentence: string; readonly remedy: string | null } {
  const [first = '', second] = message.split('; ');
  const [, said, inBrackets] = /^(.*) \(([^()]+)\)$/s.exec(second === undefined ? message : '') ?? [];
  if (said !== undefined && inBrackets !== undefined) return { sentence: said, remedy: inBrackets };
  return { sentence: first, remedy: second ?? null };
}
