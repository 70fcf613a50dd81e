import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Command, Redis, RedisOptions } from 'ioredis';
import { readSparingly, sharedBuffer } from '../../core/socket-reads.ts';
import { readTls } from '../tls.ts';
import { within } from '../within.ts';
import type { Address } from './address.ts';
import { parseAddress, parseRedisUrl, showAddress } from './address.ts';
import { movedTo } from './errors.ts';
import type { RedisConfig } from './settings.ts';

/** The client library, handed in because it is loaded only when this sink is used. */
export interface RedisLibrary {
  readonly Redis: new (options: RedisOptions) => Redis;
  readonly Command: typeof Command;
}

export interface ConnectionSetup {
  readonly config: RedisConfig;
  readonly clientName: string;
  readonly library: RedisLibrary;
}

/**
 * One connection at a time. The library's own reconnecting, queueing and resending are off: they would hide an outage,
 * grow without bound and repeat writes out of sight. A connection that broke is thrown away, and the next call opens
 * another, asking sentinels or following the cluster afresh.
 *
 * In Cluster mode, too, one connection is enough, since all keys share one slot: it goes to the node that owns it.
 */
export class Connection {
  readonly #setup: ConnectionSetup;
  readonly #shared = sharedBuffer();
  #addresses: readonly Address[];
  #current: Redis | null = null;
  #at: Address;
  #owner: Address | null = null;
  #closed = false;

  constructor(setup: ConnectionSetup) {
    const { url, cluster } = setup.config;
    const first = parseRedisUrl(url);
    const others = cluster.nodes.map((node) => parseAddress('redis.cluster.nodes', node));
    this.#setup = setup;
    this.#addresses = [first, ...others];
    this.#at = first;
  }

  /** Where it is connected, or was last, for people. */
  get where(): string {
    const { sentinel } = this.#setup.config;
    return sentinel.master === null ? showAddress(this.#at) : `the master "${sentinel.master}"`;
  }

  /** A command of the library, without arguments; its answer as text. */
  command(name: string): Command {
    return new this.#setup.library.Command(name, [], { replyEncoding: 'utf8' });
  }

  /** The client, where there is one that was ready a moment ago. */
  get open(): Redis | null {
    return this.#current?.status === 'ready' ? this.#current : null;
  }

  /** A client that was ready a moment ago; opens one where needed. Rejects with whatever the library says. */
  async ready(): Promise<Redis> {
    const { open } = this;
    if (open !== null) return open;
    this.drop();
    let failure: unknown;
    for (const address of this.#candidates()) {
      try {
        return await this.#open(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Follows a MOVED reply: the next `ready` connects there. Says whether the error was one, in a cluster. */
  follow(error: unknown): boolean {
    const target = this.#setup.config.cluster.enabled ? movedTo(error) : null;
    if (target === null) return false;
    this.#owner = { host: target.host ?? this.#at.host, port: target.port };
    this.drop();
    return true;
  }

  /** Gives the connection up at once, even when the server is frozen; what was in flight rejects. */
  drop(): void {
    this.#current?.disconnect();
    this.#current = null;
  }

  /** Drops it after an error that another node may not give: the next `ready` begins with another one. */
  turnAway(): void {
    this.drop();
    this.#owner = null;
    this.#addresses = [...this.#addresses.slice(1), ...this.#addresses.slice(0, 1)];
  }

  close(): void {
    this.#closed = true;
    this.drop();
  }

  #candidates(): readonly Address[] {
    return this.#owner === null ? this.#addresses : [this.#owner];
  }

  async #open(address: Address): Promise<Redis> {
    this.#at = address;
    const options = await clientOptions(this.#setup.config, address);
    if (this.#closed) throw new Error('Connection is closed: the sink was closed');
    const client = new this.#setup.library.Redis({ ...options, connectionName: this.#setup.clientName });
    this.#current = client;
    let reason: unknown;
    client.on('error', (error) => {
      reason ??= error;
    });
    try {
      const patience = this.#patience();
      await within(client.connect(), patience, () => new Error(`the connection did not open within ${patience} ms`));
    } catch (error) {
      client.disconnect();
      // `connect` itself only says that the connection is closed.
      throw reason ?? error;
    }
    // The library goes on after a refused SELECT: it would write to another database.
    if (reason !== undefined) {
      client.disconnect();
      throw reason;
    }
    readSparingly(client.stream, this.#shared);
    return client;
  }

  /** Longest time that opening may take when every step of it takes its longest. */
  #patience(): number {
    const { connectTimeout, commandTimeout, sentinel } = this.#setup.config;
    return (connectTimeout + commandTimeout) * (sentinel.nodes.length + 1);
  }
}

async function clientOptions(config: RedisConfig, address: Address): Promise<RedisOptions> {
  const url = parseRedisUrl(config.url);
  const username = config.username ?? url.username;
  const password = config.password ?? url.password;
  return {
    ...address,
    db: url.database,
    protocol: config.protocol === 2 ? 2 : 3,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    // Its INFO would need one more right; a server that still loads says so in the reply to the first write.
    enableReadyCheck: false,
    commandTimeout: config.commandTimeout,
    connectTimeout: config.connectTimeout,
    // Library name and version: CLIENT SETINFO would need one more right, and fill the ACL log without it.
    disableClientInfo: true,
    // A frozen server never answers a goodbye.
    disconnectTimeout: 1,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(url.tls ? { tls: await tlsOptions(config, config.sentinel.master === null ? address.host : null) } : {}),
    ...(await sentinelOptions(config, url.tls)),
  };
}

async function sentinelOptions(config: RedisConfig, dataTls: boolean): Promise<RedisOptions> {
  const { nodes, master, username, password, tls } = config.sentinel;
  if (master === null) return {};
  return {
    sentinels: nodes.map((node) => parseAddress('redis.sentinel.nodes', node)),
    name: master,
    role: 'master',
    updateSentinels: false,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: config.commandTimeout,
    enableTLSForSentinelMode: dataTls,
    ...(username === null ? {} : { sentinelUsername: username }),
    ...(password === null ? {} : { sentinelPassword: password }),
    ...(tls ? { sentinelTLS: await tlsOptions(config, null) } : {}),
  };
}

async function tlsOptions(config: RedisConfig, host: string | null): Promise<ConnectionOptions> {
  const servername = config.tls.serverName ?? (host === null || isIP(host) !== 0 ? null : host);
  // The system's own error has a row in the table of errors, and names the file.
  const options = await readTls(config.tls, (_key, _path, cause) => cause);
  return servername === null ? options : { ...options, servername };
}
