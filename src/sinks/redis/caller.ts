import { messageOf, SinkError } from '../../core/errors.ts';
import { ReusedMemory } from '../../core/reused-memory.ts';
import type { Connection } from './connection.ts';
import { Deadline } from './deadline.ts';
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
  readonly #deadline = new Deadline();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Runs a script; Redis that does not know it (any more) gets its text. Rejects with what the library says. */
  async evaluate(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const words: Argument[] = ['EVALSHA', script.sha, String(keys.length), ...keys, ...args];
    for (let redirects = 0; ; ) {
      try {
        return await this.#send(words);
      } catch (error) {
        if (isNoScript(error) && words[0] === 'EVALSHA') words.splice(0, 2, 'EVAL', script.text);
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
  async #send(words: readonly Argument[]): Promise<unknown> {
    const client = this.#connection.open ?? (await this.#connection.ready());
    const bytes = requestOf(words, this.#memory);
    const command = this.#connection.command('evalsha');
    command.toWritable = () => bytes;
    if (!this.#deadline.isTaken) command.setTimeout = (ms) => this.#deadline.begin(command, ms);
    try {
      const answer = await client.sendCommand(command);
      this.#memory.give(bytes);
      return answer;
    } catch (error) {
      if (isReply(error)) this.#memory.give(bytes);
      throw error;
    } finally {
      this.#deadline.end(command);
    }
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
