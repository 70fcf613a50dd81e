import { messageOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { Examination } from '../../core/sink.ts';
import { Caller } from './caller.ts';
import { fieldPattern, readCheckpoints } from './checkpoints.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import { troubleOf } from './errors.ts';
import { redisFinding as find } from './examine-findings.ts';
import { examineRights } from './examine-rights.ts';
import { examineServer, readInfo } from './examine-server.ts';
import { Keys } from './keys.ts';
import type { RedisConfig } from './settings.ts';

/** Looks at a Redis as the sink would find it, and changes nothing there. */
export async function* examineRedis(setup: ConnectionSetup, about: Examination): AsyncGenerator<Finding> {
  // An examination may not take as long as a sink may wait.
  const { commandTimeout, connectTimeout } = setup.config;
  const config: RedisConfig = {
    ...setup.config,
    commandTimeout: Math.min(commandTimeout, about.timeout),
    connectTimeout: Math.min(connectTimeout, about.timeout),
  };
  const connection = new Connection({ ...setup, config });
  const stop = () => connection.close();
  about.signal.addEventListener('abort', stop, { once: true });
  try {
    yield* new RedisExamination(config, about.bridge, connection).run();
  } finally {
    about.signal.removeEventListener('abort', stop);
    connection.close();
  }
}

const loginCodes = new Set(['NOAUTH', 'WRONGPASS']);

class RedisExamination {
  readonly #config: RedisConfig;
  readonly #bridge: string;
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #keys: Keys;

  constructor(config: RedisConfig, bridge: string, connection: Connection) {
    this.#config = config;
    this.#bridge = bridge;
    this.#connection = connection;
    this.#caller = new Caller(connection);
    this.#keys = new Keys(config.stream, config.deadLetter);
  }

  async *run(): AsyncGenerator<Finding> {
    const types = await this.#types();
    if (!(types instanceof Map)) {
      yield types;
      return;
    }
    const where = this.#where;
    const info = await readInfo(this.#caller);
    const ofServer = [...examineServer(this.#config, where, info)];
    yield* ofServer;
    yield* this.#ofTypes(types);
    const rights = await examineRights(this.#caller, this.#keys, { config: this.#config, where });
    // A full memory shows in both, and is one finding.
    const said = new Set(ofServer.map(({ code }) => code));
    yield* rights.filter(({ code }) => !said.has(code));
    if (rights.some(({ level }) => level === 'failure')) return;
    yield* this.#ofStream(types);
    yield* this.#ofName();
  }

  get #where(): string {
    return `Redis at ${this.#connection.where}`;
  }

  /** The first question: it needs a connection, a login, the right node, and a right that the sink needs anyway. */
  async #types(): Promise<Map<string, string> | Finding> {
    const types = new Map<string, string>();
    try {
      for (const key of [this.#keys.checkpoints, ...this.#keys.known])
        types.set(key, String(await this.#caller.call('TYPE', key)));
      return types;
    } catch (error) {
      return unreachable(this.#where, error);
    }
  }

  *#ofTypes(types: ReadonlyMap<string, string>): Generator<Finding> {
    for (const [key, type] of types) {
      const wanted = key === this.#keys.checkpoints ? 'hash' : 'stream';
      if (type !== 'none' && type !== wanted)
        yield find('redis-wrong-type', `key ${key}`, `it holds a ${type}, and must be a ${wanted}`, {
          facts: { type },
        });
    }
  }

  async *#ofStream(types: ReadonlyMap<string, string>): AsyncGenerator<Finding> {
    const { maxLen, maxAge } = this.#config;
    const [stream = '', ...others] = this.#keys.known;
    // With a template only the dead letters are known.
    if (others.length === 0) return;
    const subject = `stream ${stream}`;
    const trimmed = maxLen !== null || maxAge !== null;
    if (types.get(stream) === 'none') yield find('redis-stream-absent', subject, 'it does not exist yet');
    else {
      const length = await this.#caller.call('XLEN', stream).then(Number, () => null);
      const holds = length === null ? 'it is there (its length may not be asked)' : `it has ${length} entries`;
      yield find('redis-stream', subject, `${holds}, ${trimmed ? 'and is trimmed' : 'and is not trimmed'}`, {
        facts: { length, max_len: maxLen, max_age_ms: maxAge },
      });
    }
    if (!trimmed) yield find('redis-untrimmed', subject, 'neither redis.maxLen nor redis.maxAge is set');
  }

  async *#ofName(): AsyncGenerator<Finding> {
    const key = this.#keys.checkpoints;
    const subject = `hash ${key}`;
    const bad: string[] = [];
    const scan = async (cursor: string) =>
      (await this.#caller.call('HSCAN', key, cursor, 'MATCH', fieldPattern(this.#bridge), 'COUNT', '1000')) as [
        string,
        string[],
      ];
    const held = await readCheckpoints(this.#bridge, scan, (fact) => {
      if (fact.fact === 'sink-note') bad.push(fact.message);
    });
    const facts = { bridge: this.#bridge, streams: held.size };
    yield find('redis-checkpoints', subject, `streams of ${this.#bridge} with a checkpoint: ${held.size}`, { facts });
    const [first] = bad;
    if (first !== undefined) yield find('redis-bad-checkpoint', subject, `${bad.length} cannot be read; ${first}`);
    const name = await this.#holder(key);
    if (name !== null) yield name;
  }

  /** The fence is `<milliseconds> <who>`, the lease that fence and when it lapses, all by the server's clock. */
  async #holder(key: string): Promise<Finding | null> {
    const [fence, lease, time] = await Promise.all([
      this.#caller.call('HGET', key, this.#bridge),
      this.#caller.call('HGET', key, `${this.#bridge}:lease`),
      this.#caller.call('TIME'),
    ]).catch(() => [null, null, null]);
    const [seconds = 0] = Array.isArray(time) ? time.map(Number) : [];
    const [, taken] = /^(\d{1,16}) /.exec(String(fence ?? '')) ?? [];
    if (taken === undefined || seconds === 0) return null;
    const ago = Math.max(0, seconds - Number(taken) / 1_000);
    const [, owner, lapses] = /^(.*) (\d{1,16})$/.exec(String(lease ?? '')) ?? [];
    const held = lapses !== undefined && Number(lapses) > seconds * 1_000;
    const left = lapses === undefined ? 0 : Number(lapses) / 1_000 - seconds;
    const isOurs = owner === fence;
    const lives = held
      ? `its lease counts for another ${Math.max(0, left).toFixed(0)} s${isOurs ? '' : ', and is of a bridge that has lost the name since'}`
      : 'no lease counts now';
    return find('redis-name-held', `bridge ${this.#bridge}`, `the name was taken ${ago.toFixed(0)} s ago; ${lives}`, {
      facts: { held, taken_seconds_ago: Math.round(ago), lease_of_holder: isOurs },
    });
  }
}

function unreachable(where: string, error: unknown): Finding {
  const { code, message, remedy } = troubleOf(error);
  const sentence = message.replace(` (${remedy})`, '').trim() || messageOf(error);
  const details = { remedy, facts: { error: code } };
  if (loginCodes.has(code))
    return find('redis-login', where, sentence, { ...details, cause: `the login is refused (${code})` });
  if (code === 'NOPERM') return find('redis-rights-missing', where, sentence, details);
  if (code === 'MOVED' || code === 'CROSSSLOT' || code === 'NO_CLUSTER')
    return find('redis-cluster-mode', where, sentence, details);
  if (code === 'TLS' || code === 'EPROTO' || /CERT|ISSUER|SIGNATURE|SELF_SIGNED/.test(code))
    return find('redis-tls', where, sentence, details);
  return isAway(code)
    ? find('redis-unreachable', where, sentence, { ...details, cause: `cannot be reached (${code})` })
    : find('redis-unusable', where, sentence, { ...details, cause: `cannot be used as configured (${code})` });
}

function isAway(code: string): boolean {
  return /^E[A-Z]/.test(code) || ['TIMEOUT', 'CONNECTION_CLOSED', 'SENTINEL', 'UNKNOWN_MASTER'].includes(code);
}
