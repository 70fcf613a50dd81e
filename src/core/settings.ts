/**
 * The formats of configuration values, and the type a value has once it was read. All are strict: `5557abc` is no
 * integer, `0` no flag.
 */
export interface FormatTypes {
  text: string;
  /** Non-empty text. */
  name: string;
  integer: number;
  /** 0..65535; 0 = any free port. */
  port: number;
  /** A port, or `off`. */
  portOrOff: number | 'off';
  /** `true` or `false`. */
  flag: boolean;
  /** Comma list in an environment variable or flag, list in a file; empty items are errors. */
  list: readonly string[];
  /** Bytes: `1048576`, `512KiB`, `32MiB`, `1GiB`. */
  bytes: number;
  /** Milliseconds: `500`, `500ms`, `30s`, `10m`, `24h`, `7d`. */
  duration: number;
}

export type Format = keyof FormatTypes;

interface SettingBase {
  /** One or two sentences; they become `docs/configuration.md` and `--help`. */
  readonly doc: string;
  /** Masked wherever it is shown; may also come from the file named in `<ENV>_FILE`. */
  readonly secret?: true;
  /** A URL that may carry a password, which is masked wherever it is shown. */
  readonly credentials?: true;
  /** Smallest and largest allowed number (integer, bytes, duration). */
  readonly min?: number;
  readonly max?: number;
}

/** A value of one format; `null` as default means: not set. */
export type PlainSetting = {
  [F in Format]: SettingBase & { readonly format: F; readonly default: FormatTypes[F] | null };
}[Format];

/** One of a few words. */
export interface ChoiceSetting extends SettingBase {
  readonly choices: readonly string[];
  readonly default: string | null;
}

export type Setting = PlainSetting | ChoiceSetting;

/** A section of the configuration: keys in camelCase, nested as in the file. */
export interface Settings {
  readonly [key: string]: Setting | Settings;
}

type ValueOf<S> = S extends { readonly choices: readonly (infer C)[]; readonly default: infer D }
  ? C | (D extends null ? null : never)
  : S extends { readonly format: infer F extends Format; readonly default: infer D }
    ? FormatTypes[F] | (D extends null ? null : never)
    : S extends Settings
      ? SettingsValue<S>
      : never;

/** The frozen object that a section of settings becomes. */
export type SettingsValue<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> };

/** Whether this is one setting and not a section of them. */
export function isSetting(value: Setting | Settings): value is Setting {
  return typeof (value as { doc?: unknown }).doc === 'string';
}
