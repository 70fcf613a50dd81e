import type { Lease } from '../../core/lease.ts';
import type { Caller } from './caller.ts';
import { checkFence, checkTypes, clock, scriptOf } from './lua.ts';

/** The value is the fence of its owner and when it lapses, by the server's clock: `1763800000000 3f2a... 1763800015000`. */
const field = `
local field = name .. ':lease'
`;

const renewScript = scriptOf(
  checkTypes,
  checkFence,
  clock,
  field,
  `redis.call('HSET', hash, field, fence .. ' ' .. string.format('%.0f', clock() + ARGV[3]))
`,
);

const releaseScript = scriptOf(
  checkTypes,
  field,
  `local value = redis.call('HGET', hash, field)
if value and string.match(value, '^(.*) %d+$') == ARGV[2] then redis.call('HDEL', hash, field) end
`,
);

const stateScript = scriptOf(
  checkTypes,
  clock,
  field,
  `local lapses = string.match(redis.call('HGET', hash, field) or '', ' (%d+)$')
return lapses and tonumber(lapses) > clock() and 'held' or 'free'
`,
);

export interface LeaseOptions {
  /** Of its own: renewing must not wait for a write, and neither may break the connection of the other. */
  readonly caller: Caller;
  /** The hash of checkpoints. */
  readonly key: string;
  readonly bridge: string;
  /** Our fence; empty before the sink has connected. */
  readonly fence: () => string;
}

/** A lease in the hash of checkpoints, judged by the clock of the Redis server alone. */
export class RedisLease implements Lease {
  readonly #options: LeaseOptions;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  async state(): Promise<'held' | 'free'> {
    return (await this.#run(() => [stateScript])) === 'held' ? 'held' : 'free';
  }

  async renew(ttl: number): Promise<void> {
    await this.#run(() => [renewScript, known(this.#options.fence()), String(Math.ceil(ttl))]);
  }

  async release(): Promise<void> {
    const fence = this.#options.fence();
    if (fence !== '') await this.#run(() => [releaseScript, fence]);
  }

  async #run(request: () => readonly [script: typeof renewScript, ...args: string[]]): Promise<unknown> {
    const { caller, key, bridge } = this.#options;
    try {
      const [script, ...args] = request();
      return await caller.evaluate(script, [key], [bridge, ...args]);
    } catch (error) {
      throw caller.failure(error);
    }
  }
}

/** Without a fence nothing may be written in the name of the bridge. */
export function known(fence: string): string {
  if (fence === '') throw new Error('NOT_CONNECTED this bridge has not taken its name yet');
  return fence;
}
