import { randomUUID } from 'node:crypto';
import type { Checkpoint } from '../../core/checkpoint.ts';
import { checkpointText } from '../../core/checkpoint.ts';
import type { CheckpointBook, NameState } from '../../core/checkpoint-book.ts';
import { BridgeError, messageOf, SinkError } from '../../core/errors.ts';
import { Caller } from './caller.ts';
import { scanCheckpoints } from './checkpoints.ts';
import type { ConnectionSetup } from './connection.ts';
import { Connection } from './connection.ts';
import { Keys } from './keys.ts';
import { checkTypes, clock, scriptOf, takeName } from './lua.ts';

const stateScript = scriptOf(
  checkTypes,
  clock,
  `return { redis.call('HGET', hash, name) or '', redis.call('HGET', hash, name .. ':lease') or '', string.format('%.0f', clock()) }
`,
);

/**
 * Looks whether the lease counts, takes the name and changes the checkpoint, all in one: no bridge can begin in between.
 * What is there of a batch that was not whole is forgotten, too: it is appended again as a whole. A script that fails in
 * the middle leaves what it has done; so the right to remove is tried first, and the right to write by the fence.
 *
 * ARGV  name of the bridge, who takes the name, id of the stream, its new checkpoint or empty
 */
const putScript = scriptOf(
  checkTypes,
  clock,
  `local lapses = string.match(redis.call('HGET', hash, name .. ':lease') or '', ' (%d+)$')
if lapses and tonumber(lapses) > clock() then
  return redis.error_reply('NAME_HELD the lease of "' .. name .. '" counts for ' .. string.format('%.0f', lapses - clock()) .. ' ms more')
end
redis.call('HDEL', hash, name .. ':trial')
`,
  takeName,
  `if ARGV[4] == '' then redis.call('HDEL', hash, name .. '/' .. ARGV[3])
else redis.call('HSET', hash, name .. '/' .. ARGV[3], ARGV[4]) end
redis.call('HDEL', hash, name .. ':part/' .. ARGV[3])
return fence
`,
);

export interface RedisBookSetup extends ConnectionSetup {
  /** Name of the bridge, and the one under which its connections are listed. */
  readonly bridge: string;
  readonly bridgeClient: string;
}

/** The fields of one bridge's name in the hash of checkpoints. */
export class RedisBook implements CheckpointBook {
  readonly #setup: RedisBookSetup;
  readonly #connection: Connection;
  readonly #caller: Caller;
  readonly #key: string;

  constructor(setup: RedisBookSetup) {
    const { stream, deadLetter } = setup.config;
    this.#setup = setup;
    this.#connection = new Connection(setup);
    this.#caller = new Caller(this.#connection);
    this.#key = new Keys(stream, deadLetter).checkpoints;
  }

  async list(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.#run(() => scanCheckpoints(this.#caller, { key: this.#key, bridge: this.#setup.bridge }, () => {}));
  }

  /** With exactly-once the lease says it, by the clock of the server; else only a connection that is there can. */
  async nameState(): Promise<NameState & { readonly isBlind: boolean }> {
    const { bridge, config } = this.#setup;
    const answer = await this.#run(() => this.#caller.evaluate(stateScript, [this.#key], [bridge]));
    const [fence, lease, now] = answer as [string, string, string];
    const connected = await this.#connected();
    const lapses = Number(/ (\d+)$/.exec(lease)?.[1] ?? 0);
    const left = lapses - Number(now);
    const state = { isHeld: false, isBlind: false };
    if (left > 0)
      return { ...state, isHeld: true, evidence: `its lease counts for another ${seconds(left)}; ${connected.text}` };
    if (config.delivery === 'exactly-once') {
      const gone = lease === '' ? 'there is no lease' : `its lease lapsed ${seconds(-left)} ago`;
      const taken = fence === '' ? 'nobody has ever taken the name' : `the name was last taken ${takenAt(fence)}`;
      return { ...state, evidence: `${gone}; ${taken}; ${connected.text}` };
    }
    const doubt = 'at-least-once keeps no lease, so a bridge shows by its connections alone';
    const { count, isBlind } = connected;
    return { isHeld: count > 0, isBlind, evidence: `${connected.text}; ${doubt}` };
  }

  async put(stream: string, checkpoint: Checkpoint | null): Promise<void> {
    const { bridge } = this.#setup;
    const state = await this.nameState();
    if (state.isHeld) throw held(bridge, state.evidence);
    if (state.isBlind) throw blind(bridge, state.evidence);
    const text = checkpoint === null ? '' : checkpointText(checkpoint);
    await this.#run(() => this.#caller.evaluate(putScript, [this.#key], [bridge, randomUUID(), stream, text]));
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  /** CLIENT LIST needs a right that the bridge itself does not. */
  async #connected(): Promise<{ readonly count: number; readonly isBlind: boolean; readonly text: string }> {
    const { bridgeClient } = this.#setup;
    try {
      const list = String(await this.#caller.call('CLIENT', 'LIST'));
      const names = list.split('\n').map((line) => / name=(\S*)/.exec(line)?.[1]);
      const count = names.filter((name) => name === bridgeClient).length;
      const text = count === 0 ? 'no connection has its name' : `connections with its name: ${count}`;
      return { count, isBlind: false, text };
    } catch (error) {
      const failure = this.#caller.failure(error);
      if (failure.kind !== 'destination') throw failure;
      // Some services have no such command at all: nobody there could grant it.
      const isBlind = failure.code === 'NOPERM';
      const text = `its connections cannot be seen (${isBlind ? 'grant client|list' : failure.message})`;
      return { count: 0, isBlind, text };
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const refused = /^NAME_HELD (.*)$/s.exec(messageOf(error))?.[1];
      if (refused !== undefined) throw held(this.#setup.bridge, refused);
      throw error instanceof SinkError ? error : this.#caller.failure(error);
    }
  }
}

function held(bridge: string, evidence: string): BridgeError {
  return new BridgeError('NAME_HELD', `a bridge with the name "${bridge}" runs: ${evidence}; end it first`);
}

function blind(bridge: string, evidence: string): BridgeError {
  return new BridgeError(
    'NAME_UNKNOWN',
    `nobody can tell whether a bridge with the name "${bridge}" runs: ${evidence}`,
  );
}

function takenAt(fence: string): string {
  const at = new Date(Number(/^\d+/.exec(fence)?.[0] ?? Number.NaN));
  return Number.isNaN(at.getTime()) ? 'at an unknown time' : `at ${at.toISOString()}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
