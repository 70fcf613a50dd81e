import type { Config } from '../config/config.ts';
import type { LaneConfig } from '../core/lane-settings.ts';

export interface Guarantees {
  readonly promises: readonly string[];
  readonly cannot: readonly string[];
}

/** What this configuration promises and what it cannot keep: the start-up line, in sentences. */
export function guaranteesOf(config: Config): Guarantees {
  const lanes = config.sinks.map((name) => ({ name, ...(config.sinkConfigs[name] as LaneConfig) }));
  const durable = lanes.filter(({ name }) => name !== 'stdout').map(({ name }) => name);
  return {
    promises: [
      'per stream, records arrive in order under ids that never mean anything else',
      'every number that a publisher skips or that is dropped here stands in the output as a StreamGap',
      ...(durable.length > 0
        ? [`at least once to ${durable.join(', ')}, through any outage that the lanes can hold`]
        : []),
      `at most ${mebibytes(lanes.reduce((sum, { laneBytes }) => sum + laneBytes, 0))} wait for the sinks`,
    ],
    cannot: [
      'numbers lost before they reach the bridge are recorded, not recovered',
      'what is in memory when the bridge is killed is lost; the next start begins a new epoch',
      ...(lanes.some(({ name }) => name === 'stdout')
        ? ['stdout confirms nothing: a record counts once the pipe has taken it']
        : []),
      ...lanes
        .filter(({ whenFull }) => whenFull === 'drop')
        .map(({ name }) => `${name} drops what its full lane cannot hold`),
      ...config.sources.map(memoryOfSource),
    ],
  };
}

/** libzmq counts messages, not bytes: its share of the memory can only be stated as a product. */
function memoryOfSource({ name, receiveHighWaterMark }: Config['sources'][number]): string {
  return receiveHighWaterMark === 0
    ? `source ${name} has no high-water mark: libzmq may hold any number of messages`
    : `source ${name}: libzmq may hold ${receiveHighWaterMark} messages of any size per publisher, outside that limit`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}
