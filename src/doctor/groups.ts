import type { Config } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { rankEndpoint } from '../ingress/endpoint.ts';
import { examineBound } from './bound.ts';
import { examineBridge, isActive } from './bridge.ts';
import { bridgeFinding } from './bridge-findings.ts';
import type { Asked } from './bridge-status.ts';
import { examineRanks } from './collisions.ts';
import { examineConnected } from './connected.ts';
import type { Patience } from './patience.ts';

/** Findings that belong together: one source's rank, one sink, the running bridge. */
export interface Group {
  readonly title: string;
  /** Whether frames are waited for. */
  readonly waits: boolean;
  readonly findings: () => AsyncIterable<Finding>;
}

export interface SinkExamination {
  readonly name: string;
  readonly examine: () => AsyncIterable<Finding>;
}

export interface Scope {
  /** What the HTTP port answered; null where nobody was asked. */
  readonly asked: Asked | null;
  readonly sources: boolean;
  readonly binds: boolean;
  readonly sinks: readonly SinkExamination[];
}

/** Everything that is to be looked at, in the order in which data flows. */
export function groupsOf(config: Config, scope: Scope, patience: Patience): readonly Group[] {
  const { asked } = scope;
  return [
    ...(asked === null || asked.kind === 'off' ? [] : [bridgeGroup(config, asked)]),
    ...(scope.sources ? sourceGroups(config, scope, patience) : []),
    ...scope.sinks.map(({ name, examine }) => ({
      title: `sink ${name}`,
      waits: false,
      findings: () => mended(name, examine),
    })),
  ];
}

function bridgeGroup(config: Config, asked: Asked): Group {
  return {
    title: 'running bridge',
    waits: false,
    async *findings() {
      yield* examineBridge(config, asked);
    },
  };
}

function sourceGroups({ sources, replay }: Config, { asked, binds }: Scope, patience: Patience): readonly Group[] {
  // A running bridge holds the ports itself, and has said what comes through them.
  const isHeld = asked !== null && isActive(asked);
  // A standby waits beside the bridge that is active.
  const isBridgeUnknown = asked === null || asked.kind === 'off' || asked.kind === 'bridge';
  return sources
    .filter(({ mode }) => mode === 'connect' || !isHeld)
    .flatMap((source) =>
      Array.from({ length: source.dataParallelSize }, (_, rank) => {
        const { name, mode, endpoint, dataParallelSize } = source;
        const ranked = dataParallelSize > 1 ? ` rank ${rank}` : '';
        const approach = { ...patience, security: source.security };
        return {
          title: `source ${name}${ranked}: ${mode} ${rankEndpoint(endpoint, rank)}`,
          waits: mode === 'connect' || binds,
          async *findings() {
            if (rank === 0) yield* examineRanks(source, approach);
            yield* mode === 'connect'
              ? examineConnected(source, rank, approach)
              : examineBound(source, rank, { allow: replay.allow, binds, isBridgeUnknown }, approach);
          },
        };
      }),
    );
}

/** A sink that throws in the middle says what it found so far. */
async function* mended(name: string, examine: () => AsyncIterable<Finding>): AsyncGenerator<Finding> {
  try {
    yield* examine();
  } catch (error) {
    yield bridgeFinding('examination-failed', `sink ${name}`, messageOf(error));
  }
}

/** Where a sink says that a bridge of this name lives, and none of this name is active here. */
export function elsewhere(config: Config, asked: Asked | null, findings: readonly Finding[]): Finding | null {
  if (asked === null || asked.kind === 'off' || (isActive(asked) && asked.status.name === config.name)) return null;
  if (config.standby || (asked.kind === 'bridge' && asked.status.role === 'standby')) return null;
  const held = findings.find(({ code, facts }) => /-name-held$/.test(code) && facts?.['held'] === true);
  if (held === undefined) return null;
  return bridgeFinding(
    'name-held-elsewhere',
    `bridge ${config.name}`,
    `a bridge named ${config.name} is active elsewhere: ${held.message}`,
  );
}
