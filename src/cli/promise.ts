import type { Config, SourceConfig } from '../config/config.ts';
import { speaksZmtp } from '../config/transport.ts';
import { weaknessesOf } from '../config/weaknesses.ts';
import type { deliverySettings, LaneConfig } from '../core/lane-settings.ts';
import type { SettingsValue } from '../core/settings.ts';

export interface Guarantees {
  readonly promises: readonly string[];
  readonly cannot: readonly string[];
}

/** What this configuration promises and what it cannot keep: the start-up line, in sentences. */
export function guaranteesOf(config: Config): Guarantees {
  const lanes = config.sinks.map((name) => ({ name, ...(config.sinkConfigs[name] as SinkSection) }));
  const durable = lanes.filter(({ name }) => name !== 'stdout');
  const exact = durable.filter(({ name, delivery }) => name === 'file' || delivery === 'exactly-once');
  const atLeast = durable.filter((lane) => !exact.includes(lane));
  const hasReplay = config.sources.some(({ replay }) => replay !== null);
  return {
    promises: [
      'per stream, records arrive in order under ids that never mean anything else',
      'every number that a publisher skips or that is dropped here stands in the output as a StreamGap',
      ...config.sources.flatMap((source) => replayOfSource(source, config.replay)),
      ...(exact.length > 0
        ? [`each record once to ${namesOf(exact)}, through a kill -9 of the bridge or the sink`]
        : []),
      ...(atLeast.length > 0
        ? [`at least once to ${namesOf(atLeast)}: what had no answer is written again under the same id`]
        : []),
      ...(durable.length > 0
        ? [`a start goes on where the checkpoints in ${namesOf(durable)} end, and asks for what came since`]
        : []),
      ...(config.standby ? [`takes over within ${seconds(config.leaseTtl * 1.5)} when the active bridge is gone`] : []),
      `at most ${mebibytes(lanes.reduce((sum, { laneBytes }) => sum + laneBytes, 0))} wait for the sinks`,
      ...(hasReplay ? [memoryOfReplay(config.replay)] : []),
    ],
    cannot: [
      ...weaknessesOf(config).map(({ why }) => why),
      ...config.sources.flatMap(lossDespiteReplay),
      ...(durable.length > 0 && config.sources.some(({ replay }) => replay === null)
        ? ['what is in memory when the bridge is killed is recorded as missing for sources without a replay endpoint']
        : []),
      ...(config.sources.some(({ mode }) => mode === 'bind')
        ? ['where engines dial in, a restart of an engine that goes on at the very next number is not noticed']
        : []),
      ...config.sources.flatMap(memoryOfSource),
    ],
  };
}

type SinkSection = LaneConfig & Partial<SettingsValue<typeof deliverySettings>>;

function namesOf(lanes: readonly { readonly name: string }[]): string {
  return lanes.map(({ name }) => name).join(', ');
}

function replayOfSource({ name, replay, dataParallelSize }: SourceConfig, { budget }: Config['replay']): string[] {
  if (replay === null) return [];
  const ranks = dataParallelSize > 1 ? ', port + rank' : '';
  return [
    `source ${name}: what is missing is asked for at ${replay}${ranks}, for up to ${seconds(budget)} per gap, before anything is called lost`,
  ];
}

function lossDespiteReplay({ name, replay }: SourceConfig): string[] {
  if (replay === null) return [];
  return replay.includes('{pod_host}')
    ? [
        `source ${name}: what an engine no longer has is recorded, not recovered; so is every gap of a topic whose pod is no address in replay.allow`,
      ]
    : [`source ${name}: what the engine no longer has is recorded, not recovered`];
}

function memoryOfReplay({ heldBytes, maxBytes, concurrency }: Config['replay']): string {
  const replayed = mebibytes(2 * maxBytes);
  return `at most ${mebibytes(heldBytes)} of live events wait for gaps before them; ${concurrency} replays at a time hold up to ${replayed} each`;
}

/** libzmq counts messages, not bytes: its share of the memory can only be stated as a product. */
function memoryOfSource(source: SourceConfig): string[] {
  const { name, receiveHighWaterMark } = source;
  if (speaksZmtp(source))
    return [
      `source ${name}: up to 128 KiB per publisher wait to be read, and unfinished messages of 512 MiB together, outside that limit`,
    ];
  // No mark at all is a weakness.
  if (receiveHighWaterMark === 0) return [];
  return [
    `source ${name}: libzmq may hold ${receiveHighWaterMark} messages of any size per publisher, outside that limit`,
  ];
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}
