import type { SettingsValue } from '../core/settings.ts';
import type { SourceConfig } from './config.ts';
import { readEndpoint } from './endpoint.ts';
import { isPlainObject, kindOf, printable } from './file.ts';
import { expected, fits, formatOf, fromFile } from './formats.ts';
import { quoted, shownEndpoint } from './mask.ts';
import { suggestion } from './nearest.ts';
import type { Problems } from './problems.ts';
import { complaintAboutReplay } from './replay.ts';
import type { rootSettings } from './root-settings.ts';
import { sourceSettings } from './root-settings.ts';
import type { SecurityComplaint, SecurityValue } from './security.ts';
import { inherited, readSecurity } from './security.ts';
import { complaintAboutIdentity } from './transport.ts';

type SourceValue = Partial<SettingsValue<typeof sourceSettings>>;
export type SourceDefaults = Omit<SettingsValue<typeof rootSettings.zmq>, 'port'>;

/** The bound source that exists when none is configured. */
export function defaultSource(
  { port, ...rest }: SettingsValue<typeof rootSettings.zmq>,
  replay: string | null,
  complain: (complaint: SecurityComplaint) => void,
): SourceConfig {
  const place = { name: 'zmq', mode: 'bind', endpoint: `tcp://*:${port}`, replay } as const;
  return secured({ ...rest, ...place }, complain);
}

/** With what the security settings mean in place of them. */
function secured(
  source: Omit<SourceConfig, 'security'> & SecurityValue,
  complain: (complaint: SecurityComplaint) => void,
): SourceConfig {
  const { plainUsername, plainPassword, curveServerKey, curveSecretKey, curveAllow, ...rest } = source;
  const value = { plainUsername, plainPassword, curveServerKey, curveSecretKey, curveAllow };
  const { security, complaints } = readSecurity(value, source);
  for (const complaint of complaints) complain(complaint);
  return { ...rest, security };
}

/** Reads the entries of `sources`; what is wrong goes to the problems and is left out. */
export class SourcesReader {
  readonly #defaults: SourceDefaults;
  readonly #networks: readonly string[];
  readonly #origin: string;
  readonly #problems: Problems;

  /** `networks`: where templates may point. */
  constructor(defaults: SourceDefaults, networks: readonly string[], origin: string, problems: Problems) {
    this.#defaults = defaults;
    this.#networks = networks;
    this.#origin = origin;
    this.#problems = problems;
  }

  read(entries: readonly unknown[]): readonly SourceConfig[] {
    if (entries.length === 0) this.#refuse('sources', 'is empty: list a source or remove the key');
    return entries.flatMap((entry, index) => this.#source(entry, `sources[${index}]`));
  }

  #source(entry: unknown, key: string): readonly SourceConfig[] {
    if (!isPlainObject(entry)) {
      this.#refuse(key, `must have the keys name and bind or connect, is ${kindOf(entry)}`);
      return [];
    }
    const before = this.#problems.count;
    const value: SourceValue = Object.fromEntries(
      Object.entries(entry).flatMap(([name, item]) => this.#entry(key, name, item)),
    );
    if (this.#problems.count > before) return [];
    const source = this.#assemble(value, key);
    return source === null ? [] : [source];
  }

  #entry(above: string, name: string, raw: unknown): readonly (readonly [string, unknown])[] {
    const settings: Readonly<Record<string, (typeof sourceSettings)[keyof typeof sourceSettings]>> = sourceSettings;
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    const key = printable(`${above}.${name}`);
    if (setting === undefined) {
      this.#refuse(key, `unknown key; ${suggestion(name, Object.keys(settings))}`);
      return [];
    }
    const value = fromFile(formatOf(setting), raw);
    if (fits(setting, value)) return [[name, value]];
    if (raw === null) this.#refuse(key, 'has no value: give it one or remove the key');
    else
      this.#refuse(
        key,
        `${quoted({ ...setting, credentials: true }, raw)} is not allowed, must be ${expected(setting)}`,
      );
    return [];
  }

  #assemble(value: SourceValue, key: string): SourceConfig | null {
    const { name, bind, connect, ...rest } = value;
    if (!name) this.#refuse(`${key}.name`, 'is missing: every source has a name');
    else if (!/^[a-z0-9-]{1,100}$/.test(name))
      this.#refuse(`${key}.name`, `${JSON.stringify(name)} must be lower-case letters, digits and "-"`);
    if (Boolean(bind) === Boolean(connect)) {
      this.#refuse(
        key,
        bind
          ? 'has both bind and connect: a source has one of them'
          : 'has neither bind nor connect: give it one of them',
      );
      return null;
    }
    const mode = bind ? 'bind' : 'connect';
    const all = {
      ...inherited(this.#defaults, rest),
      ...rest,
      replay: rest.replay ?? null,
      name: name ?? '',
      mode,
      endpoint: bind ?? connect ?? '',
    } as const;
    const source = secured(all, (wrong) => this.#refuse(`${key}.${wrong.key}`, wrong.message));
    this.#checkEndpoint(source, `${key}.${mode}`);
    this.#checkTransport(source, `${key}.transport`);
    const complaint = complaintAboutReplay(source, this.#networks.length > 0);
    if (complaint !== null) this.#refuse(`${key}.replay`, complaint);
    const doubt = complaintAboutIdentity(source);
    if (doubt !== null) this.#refuse(`${key}.identity`, doubt);
    return source;
  }

  #checkEndpoint({ endpoint: text, mode, dataParallelSize }: SourceConfig, key: string): void {
    const endpoint = readEndpoint(text, mode);
    const value = shownEndpoint(text);
    if (typeof endpoint === 'string') this.#refuse(key, `${value} ${endpoint}`);
    else if (endpoint.transport === 'tcp' && endpoint.port + dataParallelSize - 1 > 65_535) {
      this.#refuse(
        key,
        `${value} with dataParallelSize ${dataParallelSize} needs ports up to ${endpoint.port + dataParallelSize - 1}: 65535 is the last`,
      );
    } else if (endpoint.transport === 'ipc' && dataParallelSize > 1) {
      this.#refuse(
        key,
        `${value} has no port to count ranks on: dataParallelSize must be 1, use tcp:// or one source per rank`,
      );
    }
  }

  #checkTransport({ endpoint, transport }: SourceConfig, key: string): void {
    if (transport !== 'zmtp' || !endpoint.startsWith('ipc:')) return;
    this.#refuse(key, `"zmtp" does not speak ${shownEndpoint(endpoint)}: use "auto" or "libzmq" for ipc://, or tcp://`);
  }

  #refuse(key: string, message: string): void {
    this.#problems.add(key, message, this.#origin);
  }
}
