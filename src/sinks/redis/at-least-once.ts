import { checkpointText } from '../../core/checkpoint.ts';
import type { Call } from './draft.ts';
import { checkTypes, scriptOf, trim } from './lua.ts';
import type { Argument } from './request.ts';
import type { Terms } from './terms.ts';

/** Documents of one key come as one argument and are cut at their newlines here: per record that costs the client nothing. */
const append = `
local field, keep, age, streams = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local counts = {}
for n = 1, #KEYS - 1 do
  local key, documents = KEYS[n + 1], ARGV[5 + 2 * streams + n]
  local count, start = 0, 1
  local stop = string.find(documents, '\\n', 1, true)
  while stop do
    redis.call('XADD', key, '*', field, string.sub(documents, start, stop - 1))
    count, start = count + 1, stop + 1
    stop = string.find(documents, '\\n', start, true)
  end
  counts[n] = count
end
`;

/** After the records, so that a script which fails on the way never counts more than there is. */
const settle = `
for s = 1, streams do
  redis.call('HSET', hash, name .. '/' .. ARGV[4 + 2 * s], ARGV[5 + 2 * s])
end
`;

/**
 * Appends everything of one call and moves the checkpoints, or does nothing: a key of the wrong type is found before the
 * first write, and Redis refuses a script that it cannot take (out of memory, read only, disk broken) at its first write.
 * It blocks Redis for every write, so it has nothing that at-least-once does not need.
 *
 * KEYS       the hash of checkpoints, then the streams
 * ARGV[1]    name of the bridge
 * ARGV[2]    name of the field
 * ARGV[3]    entries to keep, or empty
 * ARGV[4]    milliseconds to keep entries for, or empty
 * ARGV[5]    number of streams of events whose checkpoint moves
 * then       two for each of them: id, new checkpoint
 * then       documents for each of the keys, each with a newline behind it; may be empty
 */
export const atLeastOnceScript = scriptOf(checkTypes, append, settle, trim);

/** What the script takes behind its keys. */
export function atLeastOnceArguments(
  { shares, documents }: Pick<Call, 'documents' | 'shares'>,
  { bridge, field, keep, age }: Terms,
): Argument[] {
  const args: Argument[] = [bridge, field, keep, age, ''];
  let moved = 0;
  for (const { stream, complete } of shares) {
    if (complete === null) continue;
    moved += 1;
    args.push(stream, checkpointText(complete.checkpoint));
  }
  args[4] = String(moved);
  for (const pieces of documents) args.push(pieces);
  return args;
}
