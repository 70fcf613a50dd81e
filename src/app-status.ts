import type { Config } from './config/config.ts';
import { speaksZmtp } from './config/transport.ts';
import type { deliverySettings, LaneConfig } from './core/lane-settings.ts';
import type { SettingsValue } from './core/settings.ts';
import type { Completeness, Weakness } from './core/status.ts';
import { completenesses } from './core/status.ts';
import { rankEndpoint } from './ingress/endpoint.ts';
import type { StandingBySource } from './pipeline/stream-status.ts';
import type { SinkPlan } from './telemetry/sink-board.ts';
import type { SocketPlan } from './telemetry/source-board.ts';
import { hideTokens } from './wire/hide-tokens.ts';
import type { JsonObject } from './wire/json.ts';

/** One for each socket; rank r of a data-parallel engine is on port + r. */
export function socketPlansOf({ sources }: Config): SocketPlan[] {
  return sources.flatMap((source) =>
    Array.from({ length: source.dataParallelSize }, (_, rank) => ({
      name: source.name,
      endpoint: rankEndpoint(source.endpoint, rank),
      mode: source.mode,
      transport: speaksZmtp(source) ? 'zmtp' : 'libzmq',
      topics: source.topics,
    })),
  );
}

export function sinkPlansOf({ sinks, sinkConfigs }: Config): SinkPlan[] {
  return sinks.map((name) => {
    // Every sink's section has the settings of its lane; those of some say how they deliver.
    const section = sinkConfigs[name] as LaneConfig & Partial<SettingsValue<typeof deliverySettings>>;
    return { name, delivery: section.delivery ?? null, limitBytes: section.laneBytes };
  });
}

/** The worst of all streams; `exact` where there is none. */
export function completenessOf(bySource: StandingBySource): Completeness {
  const has = (completeness: Completeness) => [...bySource.values()].some((counts) => counts[completeness] > 0);
  return completenesses.findLast(has) ?? 'exact';
}

/** Records as they may be shown to anybody. */
export function shownControls(records: readonly Buffer[]): JsonObject[] {
  return records.map((record) => hideTokens(JSON.parse(record.toString()) as JsonObject));
}

/** Each setting once, however many things it takes from the promise. */
export function weakenedSettings(weaknesses: readonly Weakness[]): string[] {
  return [...new Set(weaknesses.map(({ setting }) => setting))];
}
