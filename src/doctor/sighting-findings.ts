import type { Finding } from '../core/finding.ts';
import { guessEngine } from './guess.ts';
import type { Sightings, StreamSighting } from './sightings.ts';
import { streamFinding as find } from './stream-findings.ts';

/** More would hide the verdict; `--json` has as many. */
const maxShown = 20;
const tolerance = 1;

/** What the frames tell; nothing where none came. */
export function* findingsOf(subject: string, sightings: Sightings, topics: readonly string[]): Generator<Finding> {
  const { matched, unmatched, streams } = sightings;
  if (unmatched.size > 0) yield ofUnmatched(subject, sightings, topics);
  if (matched === 0) return;
  yield find('frames', subject, `${plural(matched, 'batch', 'batches')} of ${plural(streams.length, 'stream')}`, {
    facts: { frames: matched, streams: streams.length },
  });
  for (const stream of streams.slice(0, maxShown)) yield* ofStream(stream);
}

function ofUnmatched(subject: string, { matched, unmatched }: Sightings, topics: readonly string[]): Finding {
  const seen = [...unmatched.keys()].slice(0, 5).map((topic) => JSON.stringify(topic));
  const facts = { seen: [...unmatched.keys()].slice(0, maxShown), topics };
  const list = `${seen.join(', ')}${unmatched.size > seen.length ? ', ...' : ''}`;
  const filter = topics.map((topic) => JSON.stringify(topic)).join(', ');
  return matched > 0
    ? find('topics-unmatched', subject, `not received, because topics is ${filter}: ${list}`, { facts })
    : find('topic-filter', subject, `frames come, but none fits topics (${filter}): seen ${list}`, {
        facts,
        cause: `no topic begins with ${filter}`,
      });
}

function* ofStream(stream: StreamSighting): Generator<Finding> {
  const { topic, rank, peer, frames, unread, unreadable, reason } = stream;
  const subject = `${JSON.stringify(topic.text)}${rank === null ? '' : ` rank ${rank}`}${peer === null ? '' : ` from ${peer}`}`;
  const facts = factsOf(stream);
  if (unread === frames) {
    yield find('undecodable', subject, `nothing can be read: ${reason ?? 'unknown'}`, { facts });
    return;
  }
  yield find('stream', subject, describe(stream), { facts });
  if (topic.pod === null) yield find('topic-plain', subject, 'the topic names no pod and no model', { facts });
  if (stream.last === null) yield find('no-sequence', subject, 'its messages have no number', { facts });
  if (unreadable > 0)
    yield find('undecodable-some', subject, `${unreadable} could not be read, the first: ${reason ?? 'unknown'}`, {
      facts,
    });
  if (stream.backwards > 0)
    yield find('shared-stream', subject, `its numbers went back ${plural(stream.backwards, 'time')}`, { facts });
  else if (stream.missing > 0n)
    yield find('gap-seen', subject, `${stream.missing} numbers were missing while we listened`, { facts });
  if (stream.skew !== null) yield ofClock(subject, stream.skew);
}

function ofClock(subject: string, skew: number): Finding {
  const facts = { clock_skew_seconds: Number(skew.toFixed(3)) };
  const off = `${Math.abs(skew).toFixed(skew > -10 && skew < 10 ? 2 : 0)} s`;
  const side = skew < 0 ? 'ahead of' : 'behind';
  return Math.abs(skew) > tolerance
    ? find('clock-skew', subject, `its times are ${off} ${side} our clock`, { facts, cause: `clock ${side} ours` })
    : find('clock', subject, `its times are ${off} ${side} our clock`, { facts });
}

function describe(stream: StreamSighting): string {
  const { topic, traits, first, last } = stream;
  const guess = engineOf(stream);
  const parts = [
    topic.pod === null ? '' : `pod ${topic.pod}, model ${topic.model}`,
    first === null ? '' : `numbers ${first} to ${last}${first > 1n ? ' (joined late)' : ''}`,
    [...traits.types].map(([type, count]) => `${count} ${type}`).join(', '),
    traits.encodings.size === 0 ? '' : `events as ${[...traits.encodings].join(' and ')}`,
    traits.hashes.size === 0 ? '' : `hashes are ${[...traits.hashes].join(' and ')}`,
    guess === null ? '' : `looks like ${guess} (a guess)`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function engineOf({ traits, first }: StreamSighting): string | null {
  return guessEngine(traits, { hasSeq: first !== null, first });
}

function factsOf(stream: StreamSighting): Readonly<Record<string, unknown>> {
  const { topic, rank, peer, traits } = stream;
  return {
    topic: topic.text,
    pod: topic.pod,
    model: topic.model,
    rank,
    peer,
    frames: stream.frames,
    first_seq: stream.first === null ? null : String(stream.first),
    last_seq: stream.last === null ? null : String(stream.last),
    missing: String(stream.missing),
    events: Object.fromEntries(traits.types),
    event_encodings: [...traits.encodings],
    batch_encodings: [...traits.batches],
    hashes: [...traits.hashes],
    unreadable: stream.unreadable,
    clock_skew_seconds: stream.skew === null ? null : Number(stream.skew.toFixed(3)),
    engine_guess: engineOf(stream),
  };
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
