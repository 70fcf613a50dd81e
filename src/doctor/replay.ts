import type { Finding } from '../core/finding.ts';
import type { AttemptOutcome } from '../core/replay.ts';
import { readTcp } from '../ingress/endpoint.ts';
import { ZmqReplayClient } from '../ingress/replay-client.ts';
import { bareHost } from '../ingress/zmtp/address.ts';
import { nearby } from './neighbours.ts';
import type { Approach } from './patience.ts';
import { isPublisher, isRouter, whyNoPeer } from './peer-findings.ts';
import { reach } from './reach.ts';
import { replayFinding as find } from './replay-findings.ts';

/** A buffer of 10 000 decode batches has a few megabytes; nobody needs more to know how deep it is. */
const maxBytes = 134_217_728;
const maxMessageSize = 268_435_456;
const longest = 30_000;

/** Asks a replay socket from 0 and from its newest number on. `current`: the newest live number, where one is known. */
export async function* examineReplay(
  endpoint: string,
  current: bigint | null,
  patience: Approach,
): AsyncGenerator<Finding> {
  const subject = `replay ${endpoint}`;
  if (!(yield* toRouter(subject, endpoint, patience))) return;
  const client = new ZmqReplayClient({ maxMessageSize, timeouts: { firstAnswer: patience.answer } });
  const all = await askFrom(client, endpoint, 0n, patience);
  if (patience.signal.aborted) return;
  const finding = judge(subject, all);
  const from = current ?? all.last;
  const tail = from === null || finding.level === 'failure' ? null : await askFrom(client, endpoint, from, patience);
  if (patience.signal.aborted) return;
  yield { ...finding, facts: { ...finding.facts, ...(tail === null ? {} : tailFacts(from, tail)) } };
  if (all.first !== null && all.first > 1n && finding.code === 'replay')
    yield find('replay-truncated', subject, `its oldest number is ${all.first}: those before are gone`, {
      facts: { oldest_seq: String(all.first) },
    });
}

/** Whether a ROUTER, or a path where nobody can tell, is there; where it is not, whether there is one nearby. */
async function* toRouter(subject: string, endpoint: string, patience: Approach): AsyncGenerator<Finding, boolean> {
  const { steps, reached } = await collect(endpoint, patience);
  for (const finding of steps) yield finding.level === 'failure' ? unreachable(subject, finding) : finding;
  const peer = reached?.peer ?? null;
  if (reached !== null && (peer === null || peer.kind === 'guarded' || isRouter(peer))) return true;
  if (peer !== null) yield notRouter(subject, peer);
  const tcp = readTcp(endpoint);
  if (tcp !== null && !patience.signal.aborted)
    yield* nearby(subject, { host: bareHost(tcp.host), port: tcp.port }, 'router', patience);
  return false;
}

async function collect(endpoint: string, patience: Approach) {
  const steps: Finding[] = [];
  const walk = reach(endpoint, patience);
  for (;;) {
    const step = await walk.next();
    if (step.done) return { steps, reached: step.value };
    steps.push(step.value);
  }
}

/** Of the way there: an engine that is gone is one cause for both of its ports. */
function unreachable(subject: string, { code, message, remedy, cause }: Finding): Finding {
  return find('replay-unreachable', subject, message, {
    ...(remedy !== null && code !== 'port-closed' && { remedy }),
    ...(cause !== null && { cause }),
  });
}

function notRouter(subject: string, peer: Parameters<typeof whyNoPeer>[1]): Finding {
  const wrong = whyNoPeer(subject, peer);
  if (wrong !== null) return wrong;
  const type = peer.kind === 'zmq' ? peer.type : '';
  const facts = { socket: type };
  return isPublisher(peer)
    ? find('replay-is-publisher', subject, `a ${type} answers, no ROUTER: events are published there`, { facts })
    : find('replay-is-other', subject, `a ${type} answers, no ROUTER`, { facts });
}

/** What came for one request. */
interface Answer {
  readonly outcome: AttemptOutcome;
  readonly first: bigint | null;
  readonly last: bigint | null;
  readonly count: number;
  readonly missing: bigint;
  readonly hasTopic: boolean;
}

async function askFrom(client: ZmqReplayClient, endpoint: string, from: bigint, patience: Approach): Promise<Answer> {
  const numbers = new Set<bigint>();
  let hasTopic = false;
  const { security } = patience;
  const signal = AbortSignal.any([patience.signal, AbortSignal.timeout(longest)]);
  const outcome = await client.attempt({ endpoint, security }, from, { maxBytes, signal }, ({ seq, topic }) => {
    numbers.add(seq);
    if (topic !== null) hasTopic = true;
  });
  const sorted = [...numbers].sort((a, b) => (a < b ? -1 : 1));
  const [first = null, last = null] = [sorted[0], sorted.at(-1)];
  const missing = first === null || last === null ? 0n : last - first + 1n - BigInt(sorted.length);
  return { outcome, first, last, count: sorted.length, missing, hasTopic };
}

function judge(subject: string, answer: Answer): Finding {
  const { outcome, first, last, count, missing, hasTopic } = answer;
  const facts = factsOf(answer);
  const range = `numbers ${first} to ${last} (${count})`;
  const framing = hasTopic ? '3 frames, with the topic' : '2 frames, without the topic';
  if (outcome.end === 'unreachable')
    return find('replay-unreachable', subject, outcome.message ?? 'it cannot be asked');
  if (outcome.end === 'malformed')
    return find('replay-unreadable', subject, outcome.message ?? 'its answers cannot be read', { facts });
  if (count === 0 && outcome.end === 'end')
    return find('replay-empty', subject, 'it answers, and has nothing', { facts });
  if (count === 0) return find('replay-hangs', subject, outcome.message ?? 'it does not answer', { facts });
  if (missing > 0n)
    return find('replay-holes', subject, `${range}, of which ${missing} are missing in the middle`, { facts });
  if (outcome.end === 'idle') return find('replay-no-end', subject, `${range}, and then no end marker`, { facts });
  const more = outcome.end === 'end' ? 'without a hole, end marker' : 'without a hole, and more behind them';
  return find('replay', subject, `${range} ${more}; answers of ${framing}`, { facts });
}

function factsOf({ outcome, first, last, count, missing, hasTopic }: Answer): Readonly<Record<string, unknown>> {
  return {
    oldest_seq: first === null ? null : String(first),
    newest_seq: last === null ? null : String(last),
    batches: count,
    missing: String(missing),
    end: outcome.end,
    frames: count === 0 ? null : hasTopic ? 3 : 2,
    unreadable: outcome.unreadable,
  };
}

function tailFacts(from: bigint | null, { outcome, count }: Answer) {
  return { asked_from: from === null ? null : String(from), tail_batches: count, tail_end: outcome.end };
}
