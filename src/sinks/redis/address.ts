import { ConfigError } from '../../core/errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RedisUrl extends Address {
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
}

/** Reads `redis.url`. Its errors never repeat the text: it may hold a password. */
export function parseRedisUrl(text: string): RedisUrl {
  const url = URL.canParse(text) ? new URL(text) : null;
  const database = /^\/?(\d{0,9})$/.exec(url?.pathname ?? '');
  const isRedis = url?.protocol === 'redis:' || url?.protocol === 'rediss:';
  if (url === null || !isRedis || url.hostname === '' || database === null || url.search !== '' || url.hash !== '') {
    throw new ConfigError(
      'redis.url: must look like redis://[user:password@]host[:port][/database], with rediss:// for TLS; characters such as @ / : # in a user or password need percent encoding',
    );
  }
  return {
    tls: url.protocol === 'rediss:',
    host: withoutBrackets(url.hostname),
    port: url.port === '' ? 6379 : Number(url.port),
    username: url.username === '' ? null : decode(url.username),
    password: url.password === '' ? null : decode(url.password),
    database: Number(database[1] ?? 0),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError('redis.url: the user or password has a % that begins no percent encoding; write it as %25');
  }
}

/** Reads one `host:port` of the list setting `key`; IPv6 in brackets. */
export function parseAddress(key: string, text: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    throw new ConfigError(`${key}: "${text}" must be host:port, e.g. 10.0.0.7:6379 or [fd00::7]:6379`);
  }
  return { host: withoutBrackets(match[1]), port };
}

export function showAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
