import type { deliverySettings, LaneConfig } from '../core/lane-settings.ts';
import type { SettingsValue } from '../core/settings.ts';
import type { Weakness } from '../core/status.ts';
import type { Config, SourceConfig } from './config.ts';
import { speaksZmtp } from './transport.ts';

/** What sections of sinks have in common, and the settings of single ones that matter here. */
type SinkSection = LaneConfig &
  Partial<SettingsValue<typeof deliverySettings>> & { readonly fsync?: string; readonly idempotent?: boolean };

/**
 * The settings in effect that take something from what the bridge promises: the start-up line, `/statusz` and the metric
 * `setting_weakens_promise` all say these.
 */
export function weaknessesOf(config: Config): readonly Weakness[] {
  return [
    ...config.sources.flatMap((source) => ofSource(source, config)),
    ...ofSinks(config.sinks),
    ...config.sinks.flatMap((name) => ofSink(name, config.sinkConfigs[name] as SinkSection)),
    ...ofTimes(config),
  ];
}

function ofSource(source: SourceConfig, { sources }: Config): Weakness[] {
  const { name, replay, receiveHighWaterMark } = source;
  // The source that exists where none are configured has keys of its own.
  const isDefault = name === 'zmq' && sources.length === 1;
  return [
    ...weakness(replay === null, {
      setting: isDefault ? 'replay.endpoint' : `sources.${name}.replay`,
      value: 'not set',
      why: `source ${name} has no replay endpoint: numbers lost before they reach the bridge are recorded, not recovered`,
    }),
    ...weakness(receiveHighWaterMark === 0 && !speaksZmtp(source), {
      setting: isDefault ? 'zmq.receiveHighWaterMark' : `sources.${name}.receiveHighWaterMark`,
      value: '0',
      why: `source ${name} has no high-water mark: libzmq may hold any number of messages`,
    }),
  ];
}

function ofSinks(sinks: readonly string[]): Weakness[] {
  const about = { setting: 'sinks', value: sinks.join(',') };
  return [
    ...weakness(
      sinks.every((name) => name === 'stdout'),
      {
        ...about,
        why: 'no sink keeps checkpoints: what is in memory when the bridge is killed is lost; the next start begins a new epoch',
      },
    ),
    ...weakness(sinks.includes('stdout'), {
      ...about,
      why: 'stdout confirms nothing: a record counts once the pipe has taken it',
    }),
  ];
}

function ofSink(name: string, { whenFull, fsync, idempotent }: SinkSection): Weakness[] {
  return [
    ...weakness(whenFull === 'drop', {
      setting: `${name}.whenFull`,
      value: 'drop',
      why: `${name} drops what its full lane cannot hold`,
    }),
    ...weakness(fsync === 'never', {
      setting: `${name}.fsync`,
      value: 'never',
      why: `${name} never forces records to the disk: when the machine fails, what the system had not written yet is lost`,
    }),
    ...weakness(idempotent === false, {
      setting: `${name}.idempotent`,
      value: 'false',
      why: `${name} cannot recognise what is sent again: each answer that gets lost leaves duplicates`,
    }),
  ];
}

function ofTimes({ sinks, sinkConfigs, checkpointWait, drainTimeout }: Config): Weakness[] {
  const isAtLeastOnce = (name: string) =>
    name !== 'stdout' && (sinkConfigs[name] as SinkSection).delivery !== 'exactly-once';
  return [
    ...weakness(checkpointWait === 0 && sinks.some(isAtLeastOnce), {
      setting: 'checkpointWait',
      value: '0',
      why: 'a start does not wait for the checkpoints of a sink that is away: what came before it is then not asked for',
    }),
    ...weakness(drainTimeout === 0, {
      setting: 'drainTimeout',
      value: '0',
      why: 'a stop does not wait until the sinks have what was received: only a replay at the next start can bring it',
    }),
  ];
}

function weakness(isPresent: boolean, what: Weakness): Weakness[] {
  return isPresent ? [what] : [];
}
