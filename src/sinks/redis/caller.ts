import type { Redis } from 'ioredis';
import { messageOf, SinkError } from '../../core/errors.ts';
import { ReusedMemory } from '../../core/reused-memory.ts';
import type { Connection } from './connection.ts';
import { troubleOf } from './errors.ts';
import type { Script } from './lua.ts';
import { refusalIn } from './lua.ts';
import type { Argument } from './request.ts';
import { requestOf } from './request.ts';

/** More nodes than this in a row do not know who owns a slot: the cluster is changing. */
const maxRedirects = 3;

/** Makes one call at a time over one connection, wherever the keys are. */
export class Caller {
  readonly #connection: Connection;
  readonly #memory = new ReusedMemory(1);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Runs a script; Redis that does not know it (any more) gets its text. Rejects with what the library says. */
  async evaluate(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.#send(async (client) => {
        try {
          return await this.#request(client, ['EVALSHA', script.sha, ...rest]);
        } catch (error) {
          if (!isNoScript(error)) throw error;
          return this.#request(client, ['EVAL', script.text, ...rest]);
        }
      });
    } catch (error) {
      const refusal = refusalIn(script, messageOf(error));
      throw refusal === null ? error : new Error(refusal);
    }
  }

  call(command: string, ...args: readonly string[]): Promise<unknown> {
    return this.#send((client) => client.call(command, ...args));
  }

  /** Carries no `cause`: errors of the library hold the arguments of their command, passwords and records included. */
  failure(error: unknown, written = 0): SinkError {
    if (error instanceof SinkError) return error;
    const { kind, code, message, reconnect } = troubleOf(error);
    const where = this.#connection.where;
    if (reconnect) this.#connection.turnAway();
    return new SinkError({ kind, code, message: `Redis at ${where}: ${message}`, written });
  }

  /** The library's command with bytes of our own. */
  async #request(client: Redis, args: readonly Argument[]): Promise<unknown> {
    const bytes = requestOf(args, this.#memory);
    const command = this.#connection.command('evalsha');
    command.toWritable = () => bytes;
    try {
      const answer = await client.sendCommand(command);
      this.#memory.give(bytes);
      return answer;
    } catch (error) {
      if (isReply(error)) this.#memory.give(bytes);
      throw error;
    }
  }

  async #send(request: (client: Redis) => Promise<unknown>): Promise<unknown> {
    for (let redirects = 0; ; redirects++) {
      const client = await this.#connection.ready();
      try {
        return await request(client);
      } catch (error) {
        if (!this.#connection.follow(error)) throw error;
        if (redirects >= maxRedirects) throw new Error('CLUSTERDOWN the nodes send each other the slot of these keys');
      }
    }
  }
}

/** The server has read all of the command, or reads no more of it; after anything else it may still be on its way. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
