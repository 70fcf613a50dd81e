import { createHash } from 'node:crypto';

/**
 * Appends everything of one call, or nothing: wrong types are found before the first write, and Redis refuses a script
 * that it cannot take (out of memory, read only, disk broken) at its first write. Documents of one key come as one
 * argument and are cut at their newlines here: per record that costs the client nothing.
 * Trimming comes last because Redis checks its memory only before the first write of a script.
 *
 * KEYS     the streams
 * ARGV[1]  name of the field
 * ARGV[2]  entries to keep, or empty
 * ARGV[3]  milliseconds to keep entries for, or empty
 * ARGV[3 + n]  documents for KEYS[n], each with a newline behind it; may be empty
 */
export const appendScript = `
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= 'stream' then
    return redis.error_reply('WRONGTYPE the key "' .. key .. '" holds a ' .. kind)
  end
end
local field, keep, age = ARGV[1], ARGV[2], ARGV[3]
for n, key in ipairs(KEYS) do
  local documents, start, count = ARGV[3 + n], 1, 0
  local stop = string.find(documents, '\\n', 1, true)
  while stop do
    redis.call('XADD', key, '*', field, string.sub(documents, start, stop - 1))
    count = count + 1
    start = stop + 1
    stop = string.find(documents, '\\n', start, true)
  end
  -- More than was added, so that a stream which was never trimmed shrinks without ever blocking Redis for long.
  local limit = math.max(10000, 2 * count)
  if keep ~= '' then
    redis.call('XTRIM', key, 'MAXLEN', '~', keep, 'LIMIT', limit)
  end
  if age ~= '' then
    local now = redis.call('TIME')
    local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - age
    redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', oldest), 'LIMIT', limit)
  end
end
`;

export const appendScriptSha = createHash('sha1').update(appendScript).digest('hex');

export interface Retention {
  readonly maxLen: number | null;
  /** Milliseconds. */
  readonly maxAge: number | null;
}

export const keepAll: Retention = { maxLen: null, maxAge: null };

/** Number of keys, keys and arguments, as EVAL and EVALSHA take them behind the script. */
export function scriptArguments(
  field: string,
  retention: Retention,
  documents: ReadonlyMap<string, Buffer>,
): (string | Buffer)[] {
  const { maxLen, maxAge } = retention;
  const keep = maxLen === null ? '' : String(maxLen);
  const age = maxAge === null ? '' : String(maxAge);
  return [String(documents.size), ...documents.keys(), field, keep, age, ...documents.values()];
}
