import { ConfigError } from '../core/errors.ts';
import type { SettingsValue } from '../core/settings.ts';
import type { SinkModule } from '../core/sink.ts';
import type { Catalogue, Leaf } from './catalogue.ts';
import { catalogueOf } from './catalogue.ts';
import type { Config, SourceConfig } from './config.ts';
import { merge } from './convict-schema.ts';
import type { Environment } from './environment.ts';
import { givenByEnvironment } from './environment.ts';
import { givenByFile } from './file.ts';
import type { Given } from './given.ts';
import { givenText } from './given.ts';
import { checkLeadership, doubtsAboutStandby } from './leadership.ts';
import { scrubbed, secretsIn } from './mask.ts';
import { Problems } from './problems.ts';
import { complaintAboutReplay, doubtsAboutReplay, readNetworks } from './replay.ts';
import type { rootSettings } from './root-settings.ts';
import type { OriginOf } from './rules.ts';
import { checkDefaultPorts, checkName, checkSinks, checkSources } from './rules.ts';
import { defaultSource, SourcesReader } from './sources.ts';
import { complaintAboutIdentity } from './transport.ts';
import { warningsOf } from './warnings.ts';

/** Where configuration comes from, weakest first: defaults, file, environment, flags. */
export interface Layers {
  readonly env: Environment;
  /** Values of flags by the flag's name without dashes in front: `kafka-create-topics`. */
  readonly flags: Readonly<Record<string, string>>;
  /** The configuration file named by a flag; without one the environment variable CONFIG may name it. */
  readonly file?: string | undefined;
}

/** One setting that is in effect. `value` may be secret: print it with `shown` or `masked` of mask.ts only. */
export interface Effective {
  readonly leaf: Leaf;
  readonly value: unknown;
  readonly origin: string;
}

export interface Loaded {
  readonly config: Config;
  /** For each setting in effect its path and where its value came from: `default`, `file config.yaml`, `env ZMQ_PORT`, `flag --sinks`. */
  readonly origins: ReadonlyMap<string, string>;
  /** All settings in effect, in the order of the documentation; sections of sinks that are not enabled are left out. */
  readonly effective: readonly Effective[];
  /** Sentences for the log. */
  readonly warnings: readonly string[];
}

type Root = SettingsValue<typeof rootSettings> & { readonly sources: readonly unknown[] | null } & Readonly<
    Record<string, unknown>
  >;

/** Reads, checks and joins all layers. Throws one `ConfigError` that lists everything that is wrong. */
export async function loadConfig(modules: readonly SinkModule[], layers: Layers): Promise<Loaded> {
  const problems = new Problems();
  const catalogue = catalogueOf(modules);
  const given = await readLayers(catalogue, layers, problems);
  const latest = new Map(given.map((one) => [one.leaf.path, one]));
  const origin = (path: string) => latest.get(path)?.origin ?? 'default';
  const root = merge(catalogue, given) as Root;

  const sources = sourcesOf(root, latest.get('sources'), problems, origin);
  checkName(root.name, origin, problems);
  checkSources(sources, root.http, origin, problems);
  const allow = readNetworks(root.replay.allow, origin('replay.allow'), problems);
  const enabled = checkSinks(root.sinks, modules, origin, problems);
  const secrets = given.flatMap(({ leaf, value }) => secretsIn(leaf.setting, value));
  for (const module of enabled) {
    if (problems.touches(module.name)) continue;
    const complaint = complaintOf(module, root[module.name]);
    if (complaint !== null)
      problems.add(complaint.key, scrubbed(complaint.message, secrets), latest.get(complaint.key)?.origin);
  }
  checkLeadership(root, enabled, origin, problems);
  problems.throwIfAny();

  const { name, sinks, maxStreams, streamTtl, drainTimeout, http, log } = root;
  const { standby, onFenced, leaseTtl, checkpointWait, degradedAfter } = root;
  const leadership = { standby, onFenced, leaseTtl, checkpointWait };
  const sinkConfigs = Object.fromEntries(sinks.map((sink) => [sink, root[sink]]));
  const { endpoint: _, ...replay } = { ...root.replay, allow };
  const lifetimes = { maxStreams, streamTtl, drainTimeout, ...leadership, degradedAfter };
  const config: Config = { name, sources, sinks, sinkConfigs, replay, ...lifetimes, http, log };
  const effective = catalogue.leaves
    .filter((leaf) => isInEffect(leaf, root, modules))
    .map((leaf) => ({ leaf, value: valueAt(root, leaf.path), origin: origin(leaf.path) }));
  return {
    config: deepFreeze(config),
    origins: new Map(effective.map(({ leaf, origin }) => [leaf.path, origin])),
    effective,
    warnings: [
      ...warningsOf(layers.env, catalogue, latest),
      ...sources.flatMap(doubtsAboutReplay),
      ...doubtsAboutStandby(config),
    ],
  };
}

async function readLayers(catalogue: Catalogue, layers: Layers, problems: Problems): Promise<readonly Given[]> {
  const file = layers.file ?? layers.env['CONFIG'];
  if (file === '')
    problems.add(
      'config',
      'is set but empty: unset it or name a file',
      layers.file === '' ? 'flag --config' : 'env CONFIG',
    );
  return [
    ...(file ? await givenByFile(file, catalogue, problems) : []),
    ...(await givenByEnvironment(layers.env, catalogue, problems)),
    ...catalogue.leaves.flatMap((leaf) => {
      const text = Object.hasOwn(layers.flags, leaf.flag) ? layers.flags[leaf.flag] : undefined;
      return text === undefined ? [] : givenText(leaf, text, `flag --${leaf.flag}`, problems);
    }),
  ];
}

/** The list of sources is taken as it was given: convict's copy of it would swallow a key `__proto__`. */
function sourcesOf(
  root: Root,
  given: Given | undefined,
  problems: Problems,
  origin: OriginOf,
): readonly SourceConfig[] {
  const { port: _, ...defaults } = root.zmq;
  if (given !== undefined)
    return new SourcesReader(defaults, root.replay.allow, given.origin, problems).read(
      given.value as readonly unknown[],
    );
  const source = defaultSource(root.zmq, root.replay.endpoint, ({ key, message }) =>
    problems.add(`zmq.${key}`, message, origin(`zmq.${key}`)),
  );
  checkDefaultPorts(source, origin, problems);
  const complaint = complaintAboutReplay(source, root.replay.allow.length > 0);
  if (complaint !== null) problems.add('replay.endpoint', complaint, origin('replay.endpoint'));
  const doubt = complaintAboutIdentity(source);
  if (doubt !== null) problems.add('zmq.identity', doubt, origin('zmq.identity'));
  return [source];
}

/** What the sink itself has against its section. Sinks name the key in front; where one does not, the section stands there. */
function complaintOf(module: SinkModule, section: unknown): { readonly key: string; readonly message: string } | null {
  try {
    module.check?.(section as SettingsValue<typeof module.settings>);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [, key = module.name, message = error.message] = /^([\w.]+): ([\s\S]*)$/.exec(error.message) ?? [];
    return { key, message };
  }
}

function isInEffect(leaf: Leaf, root: Root, modules: readonly SinkModule[]): boolean {
  if (leaf.path === 'sources') return root.sources !== null;
  if (leaf.path === 'zmq.port' || leaf.path === 'replay.endpoint') return root.sources === null;
  return !modules.some((module) => module.name === leaf.section) || root.sinks.includes(leaf.section);
}

function valueAt(root: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Readonly<Record<string, unknown>>)[key], root);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
