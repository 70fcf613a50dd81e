import type { FindingRow } from '../core/finding-table.ts';
import { finderOf } from '../core/finding-table.ts';

/** Of replay sockets. */
export const replayFindings = {
  replay: { level: 'ok', means: 'The replay socket answers, and its numbers have no hole.', remedy: null },
  'replay-truncated': {
    level: 'note',
    means:
      'The replay socket no longer has the first batches: a bridge that joins late, or is away longer, cannot get them.',
    remedy: 'raise buffer_steps of the engine, if the bridge may be away for longer than that',
  },
  'replay-holes': {
    level: 'warning',
    means: 'Numbers are missing in the middle of what the replay socket sent.',
    remedy:
      'none is needed where the engine failed to encode them; else the socket drops under load (vLLM before 0.26, SGLang): the bridge asks again',
    cause: 'numbers are missing in the replay',
  },
  'replay-no-end': {
    level: 'warning',
    means: 'The replay socket fell silent without its end marker: its end was dropped, or it hangs.',
    remedy: 'the bridge copes by a time limit; a newer engine (vLLM 0.26 or later) drops nothing',
    cause: 'no end marker of the replay',
  },
  'replay-empty': {
    level: 'note',
    means: 'The replay socket answers and has nothing: the engine has published nothing so far.',
    remedy: null,
  },
  'replay-hangs': {
    level: 'failure',
    means: 'The replay socket takes the request and does not answer.',
    remedy: 'look whether the engine hangs; this port must be its replay_endpoint',
    cause: 'no answer to a request for replay',
  },
  'replay-unreadable': {
    level: 'failure',
    means: 'The replay socket answers in a form that nobody knows.',
    remedy: 'check that this port is the replay_endpoint of an engine; report the engine and its version if it is',
    cause: 'answers that nobody can read',
  },
  'replay-unreachable': {
    level: 'failure',
    means: 'The replay socket cannot be asked.',
    remedy: 'start the engine with replay_endpoint, and compare its port with that of replay',
    cause: 'the replay socket cannot be asked',
  },
  'replay-is-publisher': {
    level: 'failure',
    means: 'A PUB answers on the replay port: the ports are mixed up, or a data-parallel rank publishes there.',
    remedy: 'move the replay port of the engine at least dataParallelSize away from the port of its events',
    cause: 'a publisher answers, no replay socket',
  },
  'replay-is-other': {
    level: 'failure',
    means: 'A ZeroMQ socket that is no ROUTER answers on the replay port.',
    remedy: 'set replay to the replay_endpoint of the engine',
    cause: 'a ZeroMQ socket answers that is no replay socket',
  },
  'replay-none': {
    level: 'note',
    means: 'No replay endpoint is configured: what is lost on the way is recorded as a gap, and not filled.',
    remedy:
      'start the engine with replay_endpoint (vLLM: "replay_endpoint": "tcp://*:5558" in --kv-events-config), and set replay of the source to it',
  },
  'replay-unasked': {
    level: 'skipped',
    means: 'The replay endpoint depends on the engines, and none has shown where it is.',
    remedy: null,
  },
  'replay-not-allowed': {
    level: 'warning',
    means: 'The pod in the topic is no address inside replay.allow: the bridge does not ask it, and its gaps stay.',
    remedy: "add the engines' network to replay.allow, or use tcp://{peer}:port",
    cause: 'the pod is no address inside replay.allow',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const replayFinding = finderOf(replayFindings);
