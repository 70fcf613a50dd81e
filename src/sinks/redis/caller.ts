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
    let words: readonly Argument[] = ['EVALSHA', script.sha, ...rest];
    for (let redirects = 0; ; ) {
      try {
        return await this.#request(this.#connection.open ?? (await this.#connection.ready()), words);
      } catch (error) {
        if (isNoScript(error) && words[0] === 'EVALSHA') words = ['EVAL', script.text, ...rest];
        else if (this.#connection.follow(error)) redirects = checkRedirects(redirects);
        else throw named(script, error);
      }
    }
  }

  async call(command: string, ...args: readonly string[]): Promise<unknown> {
    for (let redirects = 0; ; redirects = checkRedirects(redirects)) {
      const client = await this.#connection.ready();
      try {
        return await client.call(command, ...args);
      } catch (error) {
        if (!this.#connection.follow(error)) throw error;
      }
    }
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
  #request(client: Redis, words: readonly Argument[]): Promise<unknown> {
    const bytes = requestOf(words, this.#memory);
    const command = this.#connection.command('evalsha');
    command.toWritable = () => bytes;
    const answer = client.sendCommand(command) as Promise<unknown>;
    answer.then(
      () => this.#memory.give(bytes),
      (error: unknown) => {
        if (isReply(error)) this.#memory.give(bytes);
      },
    );
    return answer;
  }
}

/** An error that says which right is missing, where the script was refused for want of one; else the same error. */
function named(script: Script, error: unknown): unknown {
  const refusal = refusalIn(script, messageOf(error));
  return refusal === null ? error : new Error(refusal);
}

/** One more; throws where it is one too many. */
function checkRedirects(redirects: number): number {
  if (redirects < maxRedirects) return redirects + 1;
  throw new Error('CLUSTERDOWN the nodes send each other the slot of these keys');
}

/** The server has read all of the command, or reads no more of it; after anything else it may still be on its way. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
