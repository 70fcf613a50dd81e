import type { FindingRow } from '../core/finding-table.ts';
import { finderOf } from '../core/finding-table.ts';

/** Of what publishers send. */
export const streamFindings = {
  frames: { level: 'ok', means: 'Frames came, of topics that are subscribed to.', remedy: null },
  'frames-none': {
    level: 'warning',
    means: 'The publisher is connected and sent nothing while we waited: it is idle, or has nothing to send.',
    remedy:
      'send the engine a request and look again; with prefix caching off, or publisher null, an engine never sends any (vLLM: --kv-events-config with enable_kv_cache_events true, publisher zmq)',
    cause: 'connected, and no frame came',
  },
  'topic-filter': {
    level: 'failure',
    means: 'Frames came, but none whose topic begins with what topics asks for.',
    remedy: 'correct topics, or leave it empty for every topic',
    cause: 'no topic fits the setting topics',
  },
  'topics-unmatched': {
    level: 'note',
    means: 'Some topics do not begin with what topics asks for: the bridge does not receive them.',
    remedy: null,
  },
  'connection-lost': {
    level: 'warning',
    means: 'The connection ended or failed while we listened.',
    remedy: 'look at the log of the engine',
    cause: 'the connection ended',
  },
  stream: { level: 'ok', means: 'One stream: its topic, numbers, encoding and what it looks like.', remedy: null },
  'no-sequence': {
    level: 'warning',
    means: 'The messages have no sequence number: lost ones cannot be noticed.',
    remedy: 'use a newer version of the engine',
    cause: 'no sequence numbers',
  },
  'topic-plain': {
    level: 'note',
    means: 'The topic is not kv@<pod>@<model>: pod and model of its records are null.',
    remedy: 'set the topic of the engine to kv@<pod>@<model>',
  },
  'gap-seen': {
    level: 'warning',
    means: 'Numbers were missing while we listened.',
    remedy: 'set replay, so that the bridge asks for what is missing; look whether the engine drops batches',
    cause: 'numbers are missing',
  },
  'shared-stream': {
    level: 'warning',
    means:
      'The numbers of one stream jump back: its publisher restarted, or several publishers share one topic and rank.',
    remedy: 'give each engine a topic of its own (kv@<pod>@<model>), or set identity to peer',
    cause: 'numbers go back',
  },
  undecodable: {
    level: 'failure',
    means: 'No message of the stream can be read. The bridge passes each on as an Undecodable record.',
    remedy: 'check that this port carries KV-cache events; report the engine and its version if it does',
    cause: 'nothing can be read',
  },
  'undecodable-some': {
    level: 'warning',
    means: 'Some messages or events of the stream cannot be read. The bridge passes each on as an Undecodable record.',
    remedy: 'report the engine and its version with an Undecodable record',
    cause: 'some messages cannot be read',
  },
  clock: { level: 'ok', means: 'The clock of the engine agrees with ours to within a second.', remedy: null },
  'clock-skew': {
    level: 'warning',
    means: 'The times in the events are more than a second away from our clock.',
    remedy:
      'set the clocks of both machines by NTP; a backlog that an engine sends first looks the same, so look twice',
    cause: 'clocks more than a second apart',
  },
  'ranks-collide': {
    level: 'failure',
    means:
      'With this dataParallelSize the ports of events and of replay overlap: a rank publishes where another one answers replays.',
    remedy: 'put the two ports at least dataParallelSize apart, in the engine and here',
    cause: 'ports of events and of replay overlap',
  },
  'more-ranks': {
    level: 'note',
    means: 'The next port has a publisher, too: perhaps a further data-parallel rank, which this source does not read.',
    remedy: 'set dataParallelSize to the number of ranks, if it is one engine',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const streamFinding = finderOf(streamFindings);
