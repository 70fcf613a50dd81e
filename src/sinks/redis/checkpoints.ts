import type { Checkpoint } from '../../core/checkpoint.ts';
import { parseCheckpoint } from '../../core/checkpoint.ts';
import type { Observe } from '../../core/observer.ts';
import type { Caller } from './caller.ts';
import { globOf } from './entries.ts';
import { checkTypes, clock, scriptOf, takeName } from './lua.ts';

/**
 * Opens the destination: checks the types of the keys and that the hash of checkpoints may be written, before anything is.
 * Exactly-once: takes the name.
 *
 * KEYS     the hash of checkpoints, then the streams that are known
 * ARGV[1]  name of the bridge
 * ARGV[2]  who takes the name; empty: at-least-once, nobody does
 */
export const openScript = scriptOf(
  checkTypes,
  clock,
  `
local trial = name .. ':trial'
redis.call('HSET', hash, trial, '')
redis.call('HDEL', hash, trial)
if ARGV[2] == '' then return '' end
`,
  takeName,
  `return fence
`,
);

/** As the script reads it: an edited value that only one of the two could read would be held and not held at once. */
const shape = /^\{"epoch":\d{1,16},"seq":(?:"\d{1,20}"|null),"sub":\d{1,12}[,}]/;

/** One step of HSCAN from `cursor`: the next cursor, and fields with their values in turn. */
export type Scan = (cursor: string) => Promise<readonly [cursor: string, flat: readonly string[]]>;

/** All checkpoints that belong to `bridge`; what nobody can read is left out, and said. */
export async function readCheckpoints(bridge: string, scan: Scan, observe: Observe): Promise<Map<string, Checkpoint>> {
  const held = new Map<string, Checkpoint>();
  const prefix = `${bridge}/`;
  let cursor = '0';
  do {
    const [next, flat] = await scan(cursor);
    cursor = next;
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const [field = '', value = ''] = flat.slice(at, at + 2);
      if (!field.startsWith(prefix)) continue;
      const checkpoint = shape.test(value) ? parseCheckpoint(value) : null;
      if (checkpoint === null) observe(unreadable(field, value));
      else held.set(field.slice(prefix.length), checkpoint);
    }
  } while (cursor !== '0');
  return held;
}

/** Fields that one HSCAN looks at: about 10 ms for Redis. */
const scanStep = '1000';

/** The same, with the hash in `key`. */
export function scanCheckpoints(
  caller: Caller,
  { key, bridge }: { readonly key: string; readonly bridge: string },
  observe: Observe,
): Promise<Map<string, Checkpoint>> {
  const pattern = fieldPattern(bridge);
  const scan: Scan = async (cursor) => {
    const answer = await caller.call('HSCAN', key, cursor, 'MATCH', pattern, 'COUNT', scanStep);
    return answer as [string, string[]];
  };
  return readCheckpoints(bridge, scan, observe);
}

/** Pattern of the fields with the checkpoints of `bridge`, as HSCAN takes it. */
export function fieldPattern(bridge: string): string {
  return globOf([`${bridge}/`, '']);
}

function unreadable(field: string, value: string) {
  const message = `the checkpoint "${field}" is not what a bridge writes, and is taken for absent: ${value.slice(0, 200)}`;
  return { fact: 'sink-note', sink: 'redis', code: 'BAD_CHECKPOINT', message } as const;
}
