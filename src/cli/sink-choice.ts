import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { shownArgument } from '../config/mask.ts';
import { suggestion } from '../config/nearest.ts';
import { ConfigError } from '../core/errors.ts';
import type { SinkModule } from '../core/sink.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Edge } from './edge.ts';
import { layersOf } from './settings-flags.ts';

/** A sink with its section of the configuration. */
export interface ChosenSink {
  readonly module: SinkModule;
  readonly config: Parameters<SinkModule['create']>[0];
  /** Name of the bridge. */
  readonly bridge: string;
}

/** What a sink must be able to do for a command. */
export type Ability = 'reader' | 'checkpoints';

/** Names of the sinks that can do it. */
export function ableSinks(ability: Ability): readonly string[] {
  return sinkModules.filter((module) => module[ability] !== undefined).map(({ name }) => name);
}

/** For those who give a store's address instead of the sink's name; null where it is none. */
export function storeHint(word: string): string | null {
  if (/^rediss?:\/\//.test(word)) return 'say redis, and give the address as redis.url (--redis-url, REDIS_URL)';
  if (/^kafka:\/\//.test(word))
    return 'say kafka, and give the address as kafka.brokers (--kafka-brokers, KAFKA_BROKERS)';
  return null;
}

/**
 * The sink of this name as the settings describe it, whether it is enabled or not; without a name the first enabled one,
 * null where none of those is able.
 */
export async function chooseSink(
  name: string | null,
  ability: Ability,
  { command, edge }: { readonly command: Command; readonly edge: Edge },
): Promise<ChosenSink | null> {
  const able = ableSinks(ability);
  if (name !== null && !able.includes(name)) {
    throw new ConfigError(
      `no sink ${shownArgument(name)} that can be read; ${storeHint(name) ?? suggestion(name, able)}`,
    );
  }
  const layers = layersOf(command, sinkModules, edge);
  let { config } = await loadConfig(sinkModules, layers);
  const chosen = name ?? config.sinks.find((sink) => able.includes(sink));
  if (chosen === undefined) return null;
  if (!config.sinks.includes(chosen)) {
    // Beside the enabled ones: what is configured for them still has to fit.
    const sinks = [...config.sinks, chosen].join(',');
    ({ config } = await loadConfig(sinkModules, { ...layers, flags: { ...layers.flags, sinks } }));
  }
  return chosenOf(chosen, config);
}

function chosenOf(name: string, config: Config): ChosenSink {
  const module = sinkModules.find((candidate) => candidate.name === name);
  if (module === undefined) throw new Error(`sink "${name}" is not registered`);
  return { module, config: config.sinkConfigs[name] as ChosenSink['config'], bridge: config.name };
}
