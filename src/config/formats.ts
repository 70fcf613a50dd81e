import type { Format, Setting } from '../core/settings.ts';

/** The list of sources: the one setting that is no single value. */
export interface SourcesSetting {
  readonly doc: string;
  readonly format: 'sources';
  readonly default: null;
  readonly secret?: true;
  readonly credentials?: true;
}

export type AnySetting = Setting | SourcesSetting;
export type FormatName = Format | 'sources' | 'choice';

interface FormatRule {
  /** The value that clean text stands for; anything else comes back as it is, for `fits` to refuse. */
  fromText(text: string): unknown;
  fits(value: unknown): boolean;
  readonly expected: string;
}

const wholeNumber = /^(?:0|-?[1-9]\d*)$/;
const byteUnits = { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const;
const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const same = (text: string): unknown => text;
const toInteger = (text: string): unknown => (wholeNumber.test(text) ? Number(text) : text);
const isNatural = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isPort = (value: unknown): boolean => isNatural(value) && Number(value) <= 65_535;
const isFilled = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

function withUnit(units: Readonly<Record<string, number>>): (text: string) => unknown {
  return (text) => {
    const match = /^(\d+)([A-Za-z]*)$/.exec(text);
    if (match === null) return text;
    const [, digits = '', unit = ''] = match;
    if (!wholeNumber.test(digits)) return text;
    const factor = unit === '' ? 1 : Object.hasOwn(units, unit) ? units[unit] : undefined;
    return factor === undefined ? text : Number(digits) * factor;
  };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const rules: Readonly<Record<FormatName, FormatRule>> = {
  text: { fromText: same, fits: (value) => typeof value === 'string', expected: 'text' },
  name: { fromText: same, fits: isFilled, expected: 'text that is not empty' },
  choice: { fromText: same, fits: isFilled, expected: 'one of the allowed words' },
  integer: { fromText: toInteger, fits: Number.isSafeInteger, expected: 'a whole number' },
  port: { fromText: toInteger, fits: isPort, expected: 'a port from 0 to 65535' },
  portOrOff: {
    fromText: toInteger,
    fits: (value) => value === 'off' || isPort(value),
    expected: 'a port from 0 to 65535, or off',
  },
  flag: {
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
    fits: (value) => typeof value === 'boolean',
    expected: 'true or false',
  },
  list: {
    fromText: (text) => text.split(',').map((item) => item.trim()),
    fits: (value) => Array.isArray(value) && value.every(isFilled),
    expected: 'a list of texts, none of them empty (in the environment and in flags separated by commas)',
  },
  bytes: {
    fromText: withUnit(byteUnits),
    fits: isNatural,
    expected: 'a number of bytes such as 65536, 512KiB, 32MiB or 1GiB',
  },
  duration: {
    fromText: withUnit(durationUnits),
    fits: isNatural,
    expected: 'a duration such as 500ms, 30s, 10m, 24h or 7d (a bare number is milliseconds)',
  },
  sources: {
    fromText: fromJson,
    fits: Array.isArray,
    expected: 'a list of sources, as JSON such as [{"name":"a","connect":"tcp://10.0.0.7:5557"}]',
  },
};

export const formatNames = Object.keys(rules) as readonly FormatName[];

export function formatOf(setting: AnySetting): FormatName {
  return 'choices' in setting ? 'choice' : setting.format;
}

/** The value of a setting given as text (environment, flag), or the same text where it is not clean. */
export function fromText(format: FormatName, text: string): unknown {
  return rules[format].fromText(text);
}

/** The value of a setting given in a file: only sizes and durations may be text with a unit there. */
export function fromFile(format: FormatName, value: unknown): unknown {
  return typeof value === 'string' && (format === 'bytes' || format === 'duration') ? fromText(format, value) : value;
}

/** Whether a value is allowed; `null` only where the setting may be unset. */
export function fits(setting: AnySetting, value: unknown): boolean {
  if (!rules[formatOf(setting)].fits(value)) return false;
  if ('choices' in setting) return setting.choices.includes(value as string);
  if (typeof value !== 'number' || !('min' in setting || 'max' in setting)) return true;
  return value >= (setting.min ?? value) && value <= (setting.max ?? value);
}

/** Whether an empty environment variable or flag is a value of its own and not a mistake. */
export function mayBeEmpty(setting: AnySetting): boolean {
  return formatOf(setting) === 'text';
}

/** What a setting allows, in words: `a whole number from 1 to 1024`. */
export function expected(setting: AnySetting): string {
  if ('choices' in setting) return `one of ${setting.choices.join(', ')}`;
  const { min, max } = limitsOf(setting);
  const base = rules[setting.format].expected;
  if (min !== undefined && max !== undefined) return `${base}, from ${min} to ${max}`;
  if (min !== undefined) return `${base}, at least ${min}`;
  return max === undefined ? base : `${base}, at most ${max}`;
}

function limitsOf(setting: AnySetting): { min: string | undefined; max: string | undefined } {
  const format = formatOf(setting);
  const show = (limit: number | undefined) => (limit === undefined ? undefined : inUnits(format, limit));
  return 'min' in setting || 'max' in setting
    ? { min: show(setting.min), max: show(setting.max) }
    : { min: undefined, max: undefined };
}

/** A number as people write it: `24h`, `16MiB`. */
export function inUnits(format: FormatName, value: number): string {
  const units: Readonly<Record<string, number>> =
    format === 'bytes' ? byteUnits : format === 'duration' ? durationUnits : {};
  const [unit, factor] = Object.entries(units).findLast(([, factor]) => value % factor === 0) ?? ['', 1];
  if (value === 0) return format === 'duration' ? '0ms' : '0';
  return `${value / factor}${unit === 'B' ? '' : unit}`;
}
