import type { AnySetting } from './formats.ts';
import { formatOf, inUnits } from './formats.ts';

const hidden = '***';
const secretParameter = /([?&][^=&#]*(?:pass|secret|token|key|auth)[^=&#]*=)[^&#]*/gi;

/** Keys of a source whose values look like URLs with passwords and are none: `kv@pod@model`. */
const publicKeys: readonly string[] = ['topics', 'curveServerKey', 'curveAllow'];
/** Keys of a source that are secret, misspelt ones too. */
const secretKey = /pass?w|secret/i;

/** A URL without its password; wholly hidden where it cannot be told what in it is one. */
export function maskUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return hidden;
  }
  const isOpaque = url.hostname === '' && url.protocol !== 'ipc:';
  if (isOpaque || /@/.test(url.pathname + url.search + url.hash)) return hidden;
  const end = text.lastIndexOf('@');
  if (end === -1) return text.replace(secretParameter, `$1${hidden}`);
  const start = text.indexOf('//') + 2;
  const colon = text.indexOf(':', start);
  const user = colon === -1 || colon > end ? hidden : `${text.slice(start, colon)}:${hidden}`;
  return `${text.slice(0, start)}${user}${text.slice(end)}`.replace(secretParameter, `$1${hidden}`);
}

function maskText(text: string): string {
  // Endpoints such as host:9092 are no URLs and carry nothing to hide.
  return /^[\w.-]+(?::\d+)?$|^\[[\w:.%]+\](?::\d+)?$/.test(text) ? text : maskUrl(text);
}

/** Any value with everything secret in it hidden; structure and types stay. */
export function masked(setting: AnySetting, value: unknown): unknown {
  if (value === null || value === '') return value;
  if (setting.secret) return hidden;
  if (setting.credentials) return maskDeep(value, maskText);
  if (formatOf(setting) === 'sources') return maskDeep(value, maskSourceText);
  return value;
}

/** Endpoints have no passwords, though somebody may try one. */
function maskEndpoint(text: string): string {
  return /[@?]/.test(text) ? maskUrl(text) : text;
}

/** Of endpoints, or of a list of sources that is no JSON. */
function maskSourceText(text: string): string {
  return secretKey.test(text) ? hidden : maskEndpoint(text);
}

/** An endpoint for an error, quoted. */
export function shownEndpoint(text: string): string {
  return JSON.stringify(maskEndpoint(text));
}

/** What somebody typed on the command line, quoted, for an error. */
export function shownArgument(text: string): string {
  return JSON.stringify(maskEndpoint(text).slice(0, 100));
}

function maskDeep(value: unknown, mask: (text: string) => string): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map((item) => maskDeep(item, mask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (secretKey.test(key)) return [key, hidden];
      return [key, publicKeys.includes(key) ? item : maskDeep(item, mask)];
    }),
  );
}

/** An effective value for people, on one line: `30s`, `stdout, redis`, `[]`, `not set`. */
export function shown(setting: AnySetting, value: unknown): string {
  const safe = masked(setting, value);
  if (safe === null) return 'not set';
  if (typeof safe === 'number') return inUnits(formatOf(setting), safe);
  if (Array.isArray(safe) && formatOf(setting) === 'list') return safe.length === 0 ? '[]' : oneLine(safe.join(', '));
  return typeof safe === 'string' ? (safe === '' ? '""' : oneLine(safe)) : JSON.stringify(safe);
}

/** A refused value as it was given, for an error: quoted, cut, on one line. */
export function quoted(setting: AnySetting, value: unknown): string {
  const text = JSON.stringify(masked(setting, value)) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Everything in a value that must not be printed: for text that somebody else wrote about it. */
export function secretsIn(setting: AnySetting, value: unknown): readonly string[] {
  const texts = (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string');
  if (setting.secret) return texts;
  return setting.credentials ? texts.flatMap(urlSecrets) : [];
}

function urlSecrets(text: string): readonly string[] {
  const end = text.lastIndexOf('@');
  if (end === -1) return [];
  const userInfo = text.slice(text.indexOf('//') === -1 ? 0 : text.indexOf('//') + 2, end);
  const password = userInfo.includes(':') ? userInfo.slice(userInfo.indexOf(':') + 1) : userInfo;
  return [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `text` without any of `secrets`; those shorter than four characters protect nothing and would spoil every sentence. */
export function scrubbed(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= 4)
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, hidden), text);
}

function oneLine(text: string): string {
  return /[\p{Cc}\u2028\u2029]/u.test(text) ? JSON.stringify(text) : text;
}
