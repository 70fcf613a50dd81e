import type { Settings } from '../core/settings.ts';
import { receivingSettings } from './receiving-settings.ts';

/** Everything but the sinks' own sections and the list of sources. */
export const rootSettings = {
  name: {
    doc: "The bridge's name; client ids, checkpoints and fences carry it. Letters, digits, `.`, `_` and `-`, at most 100.",
    format: 'name',
    default: 'kv-event-bridge',
  },
  sinks: { doc: 'Where records go: one or more sinks.', format: 'list', default: ['stdout'] },
  zmq: {
    port: {
      doc: 'The source `zmq`, which exists when `sources` is not set, is bound to this port on every interface; 0 means any free port.',
      format: 'port',
      default: 5_557,
    },
    ...receivingSettings,
  },
  replay: {
    endpoint: {
      doc: 'Where the engines of the source `zmq` answer replays: `tcp://{peer}:5558`, the address that the engine dials in from, or `tcp://{pod_host}:5558`, the pod of the topic, an address in `replay.allow`. Not set: gaps are recorded, not filled. An entry of `sources` has its own `replay`.',
      format: 'name',
      default: null,
      credentials: true,
    },
    allow: {
      doc: 'Networks that `{pod_host}` may point to, such as `10.0.0.0/8` or `fd00::/8`: whoever may send events chooses the address.',
      format: 'list',
      default: [],
    },
    idleTimeout: {
      doc: 'A replay that is silent between two answers for this long has ended; what it left out is asked for again.',
      format: 'duration',
      default: 2_000,
      min: 100,
      max: 60_000,
    },
    budget: {
      doc: 'How long filling one gap may take, all attempts together. The live events of that stream wait meanwhile.',
      format: 'duration',
      default: 120_000,
      min: 1_000,
      max: 3_600_000,
    },
    cooldown: {
      doc: 'After a replay that failed or took too long, gaps of that stream are recorded without asking for this long.',
      format: 'duration',
      default: 30_000,
      min: 0,
      max: 3_600_000,
    },
    pause: {
      doc: 'Pause before the engine is asked again after an attempt that brought nothing new.',
      format: 'duration',
      default: 200,
      min: 10,
      max: 60_000,
    },
    concurrency: {
      doc: 'Replays at the same time; further ones wait for their turn, within their budget.',
      format: 'integer',
      default: 8,
      min: 1,
      max: 1_024,
    },
    maxBytes: {
      doc: 'How many bytes one attempt may bring; the rest is asked for once they are passed on. A replay holds twice that at most.',
      format: 'bytes',
      default: 16_777_216,
      min: 65_536,
    },
    heldBytes: {
      doc: 'How many bytes of live events, of all streams together, may wait for gaps before them; beyond that their source is not read.',
      format: 'bytes',
      default: 16_777_216,
      min: 65_536,
    },
  },
  maxStreams: {
    doc: 'Streams whose sequence is followed at once; beyond that the longest idle one is forgotten.',
    format: 'integer',
    default: 10_000,
    min: 1,
    max: 10_000_000,
  },
  streamTtl: {
    doc: 'A stream without a frame for this long is forgotten.',
    format: 'duration',
    default: 86_400_000,
    min: 1_000,
  },
  drainTimeout: {
    doc: 'How long a stop may take to hand what was received to the sinks.',
    format: 'duration',
    default: 20_000,
    min: 0,
    max: 3_600_000,
  },
  standby: {
    doc: 'Wait until the active bridge of the same `name` is gone, then take over. Needs a sink with `delivery: exactly-once`, which keeps the sign of life and fences.',
    format: 'flag',
    default: false,
  },
  onFenced: {
    doc: 'What happens when another bridge of the same `name` takes over: `exit` stays for `leaseTtl`, not ready, and ends with exit code 1, `standby` waits in the same process until that one is gone (for supervised replicas, which would otherwise fence each other in turns).',
    choices: ['exit', 'standby'],
    default: 'exit',
  },
  leaseTtl: {
    doc: 'The active bridge renews its sign of life three times in it; a standby takes over when the last renewal is older. Bridges of one name have the same value.',
    format: 'duration',
    default: 10_000,
    min: 1_000,
    max: 3_600_000,
  },
  checkpointWait: {
    doc: 'How long the start waits for the checkpoints of an at-least-once sink that is away before it goes on without them. Exactly-once sinks are always waited for.',
    format: 'duration',
    default: 30_000,
    min: 0,
    max: 3_600_000,
  },
  degradedAfter: {
    doc: 'How long a sink that worked may be away before `/readyz` says that the bridge is not ready. One that never worked, or whose destination somebody has to mend, is not ready at once.',
    format: 'duration',
    default: 30_000,
    min: 0,
    max: 86_400_000,
  },
  http: {
    port: {
      doc: 'Port of `/livez`, `/readyz`, `/statusz` and `/metrics`; 0 means any free port, `off` means none.',
      format: 'portOrOff',
      default: 8_080,
    },
    host: {
      doc: 'Address the HTTP port is bound to; `::` means every interface, IPv4 included.',
      format: 'name',
      default: '::',
    },
    tokens: {
      doc: 'Whether `/records?tokens=1` shows token ids, which are what people typed. Nobody is asked who they are: whoever reaches the port may look.',
      format: 'flag',
      default: false,
    },
  },
  log: {
    level: {
      doc: 'The least important log lines that are written (to stderr).',
      choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      default: 'info',
    },
  },
} as const satisfies Settings;

/** One entry of `sources`. What it leaves out comes from the section `zmq`. */
export const sourceSettings = {
  name: { doc: 'Unique name: lower-case letters, digits and `-`.', format: 'name', default: null },
  bind: {
    doc: 'Endpoint to listen on, engines dial in: `tcp://*:5557` or `ipc:///path`. Either this or `connect`.',
    format: 'name',
    default: null,
  },
  connect: {
    doc: 'Endpoint of one engine to dial: `tcp://10.0.0.7:5557`, IPv6 as `tcp://[fd00::7]:5557`. Either this or `bind`.',
    format: 'name',
    default: null,
  },
  replay: {
    doc: 'Where gaps can be filled from: the replay endpoint of the engine, `tcp://10.0.0.7:5558`; where engines dial in also `tcp://{peer}:5558`, the address that the engine dials in from, or `tcp://{pod_host}:5558`, the pod of the topic, an address in `replay.allow`. Not set: gaps are recorded, not filled.',
    format: 'name',
    default: null,
  },
  ...receivingSettings,
} as const satisfies Settings;
