import type { Settings } from '../core/settings.ts';
import { securitySettings } from './security-settings.ts';

/** What a source and the defaults of all sources have in common. */
export const receivingSettings = {
  transport: {
    doc: 'Who speaks ZeroMQ: the bridge itself (`zmtp`, for `tcp://` without encryption: a tenth of the work, and it knows the address of each engine) or `libzmq`. `auto` is `zmtp` for `tcp://` and `libzmq` for `ipc://` and CURVE.',
    choices: ['auto', 'zmtp', 'libzmq'],
    default: 'auto',
  },
  topics: {
    doc: 'Topic prefixes to subscribe to; an empty list means every topic.',
    format: 'list',
    default: [],
  },
  dataParallelSize: {
    doc: 'Data-parallel ranks of the engines: rank r uses port + r, for replay as well.',
    format: 'integer',
    default: 1,
    min: 1,
    max: 1_024,
  },
  sequenceScope: {
    doc: 'Whether each rank numbers its batches on its own (`rank`) or all ranks under a topic share one counter (`topic`).',
    choices: ['rank', 'topic'],
    default: 'rank',
  },
  identity: {
    doc: 'What tells engines that dial in to one port apart: the topic where it names a pod, else the address of the engine as well (`auto`); always the topic alone (`topic`); always both (`peer`). Only the transport `zmtp` knows addresses.',
    choices: ['auto', 'topic', 'peer'],
    default: 'auto',
  },
  receiveHighWaterMark: {
    doc: 'Messages that libzmq holds here per publisher; beyond that the publisher holds them, and at its own mark drops them. 0 means no limit. Means nothing to the transport `zmtp`, which reads on once what it has read was taken.',
    format: 'integer',
    default: 1_000,
    min: 0,
    max: 1_000_000,
  },
  heartbeatInterval: {
    doc: 'How often a quiet engine is asked whether it is still there (ZeroMQ heartbeats); 0 means never. Engines of ZMTP 3.0 (go-zeromq) are not asked. With the transport `libzmq` only a source that connects asks, over a second connection (docs/decisions/0005-heartbeats.md).',
    format: 'duration',
    default: 5_000,
    min: 0,
    max: 3_600_000,
  },
  heartbeatTimeout: {
    doc: 'An engine that answers no heartbeat for this long, and sends nothing, counts as hanging: its connection is ended, and the source connects again.',
    format: 'duration',
    default: 15_000,
    min: 100,
    max: 3_600_000,
  },
  ...securitySettings,
  maxFrameBytes: {
    doc: 'A larger message is passed on as an Undecodable record; so is one that would take more than 128 MiB to read.',
    format: 'bytes',
    default: 16_777_216,
    min: 1_024,
    max: 67_108_864,
  },
} as const satisfies Settings;
