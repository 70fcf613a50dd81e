import { messageOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { Caller } from './caller.ts';
import { troubleOf } from './errors.ts';
import { redisFinding as find } from './examine-findings.ts';
import type { Keys } from './keys.ts';
import type { RedisConfig } from './settings.ts';

interface Trial {
  readonly right: string;
  readonly args: readonly string[];
}

/**
 * Commands in a form that Redis refuses for its arguments, after it has looked at the rights, the role, the memory and the
 * disk: they change nothing, and tell whether the real one would be let through.
 */
function trialsOf(keys: Keys, { maxLen, maxAge, delivery }: RedisConfig): readonly Trial[] {
  const { checkpoints, known } = keys;
  const trims = maxLen !== null || maxAge !== null;
  const timed = maxAge !== null || delivery === 'exactly-once';
  return [
    { right: 'evalsha', args: ['EVALSHA', '0'.repeat(40), '0'] },
    { right: 'eval', args: ['EVAL', 'return 1', '0'] },
    { right: 'hget', args: ['HGET', checkpoints, ''] },
    // One value too few.
    { right: 'hset', args: ['HSET', checkpoints, 'field', 'value', 'field'] },
    // Of a field that nobody writes.
    { right: 'hdel', args: ['HDEL', checkpoints, '\0doctor'] },
    { right: 'hscan', args: ['HSCAN', checkpoints, '0', 'COUNT', '1'] },
    ...known.flatMap((key) => [
      { right: 'xadd', args: ['XADD', key, 'NOMKSTREAM', 'no-id', 'field', 'value'] },
      ...(trims ? [{ right: 'xtrim', args: ['XTRIM', key, 'MAXLEN', 'no-number'] }] : []),
    ]),
    ...(timed ? [{ right: 'time', args: ['TIME'] }] : []),
  ];
}

/** What a refusal means that is not about rights; every other reply is one about the arguments, as meant. */
const refusals: Readonly<Record<string, Parameters<typeof find>[0]>> = {
  OOM: 'redis-memory-full',
  MISCONF: 'redis-disk',
  READONLY: 'redis-replica',
  NOREPLICAS: 'redis-refuses-writes',
  MASTERDOWN: 'redis-refuses-writes',
  LOADING: 'redis-refuses-writes',
  CLUSTERDOWN: 'redis-refuses-writes',
  BUSY: 'redis-refuses-writes',
  DENIED: 'redis-refuses-writes',
};

export interface RightsContext {
  readonly config: RedisConfig;
  readonly where: string;
}

export async function examineRights(caller: Caller, keys: Keys, { config, where }: RightsContext): Promise<Finding[]> {
  const missing = new Set<string>();
  const others = new Map<string, Finding>();
  for (const { right, args } of trialsOf(keys, config)) {
    const [command = '', ...rest] = args;
    try {
      await caller.call(command, ...rest);
    } catch (error) {
      const { code, remedy } = troubleOf(error);
      const finding = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
      if (code === 'NOPERM') missing.add(`${right} on ${rest[0] ?? ''}`);
      else if (finding !== undefined) others.set(code, find(finding, where, messageOf(error), { remedy }));
    }
  }
  const facts = { missing: [...missing] };
  const ofRights =
    missing.size > 0
      ? find('redis-rights-missing', where, `the user may not run ${[...missing].join(', ')}`, { facts })
      : find('redis-rights', where, 'the user may run every command that the sink needs');
  return [ofRights, ...others.values()];
}
