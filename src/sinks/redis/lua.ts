import { createHash } from 'node:crypto';

/** A script that runs inside Redis, and the name under which Redis remembers it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

export function scriptOf(...parts: readonly string[]): Script {
  const text = parts.join('');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

const refusedCommand = /user executing the script can't run this command.*@user_script: ?(\d+)/s;

/** Redis names the line of a script where a right is missing, and not the right; null where this is no such error. */
export function refusalIn({ text }: Script, message: string): string | null {
  const number = refusedCommand.exec(message)?.[1];
  const line = number === undefined ? undefined : text.split('\n')[Number(number) - 1];
  const command = line === undefined ? undefined : /redis\.call\('(\w+)'/.exec(line)?.[1];
  if (command === undefined) return null;
  return `NOPERM this user has no permissions to run the '${command.toLowerCase()}' command in the bridge's script`;
}

/**
 * Begins every script. `KEYS[1]` is the hash of checkpoints, all others are streams: a key of another type is found before
 * anything is written. `ARGV[1]` is the name of the bridge.
 */
export const checkTypes = `
local hash, name = KEYS[1], ARGV[1]
for n, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= (n == 1 and 'hash' or 'stream') then
    return redis.error_reply('WRONGTYPE the key "' .. key .. '" holds a ' .. kind)
  end
end
`;

/**
 * `ARGV[2]` is our fence: a number that rises with every take-over, and who took it. A fence of ours that is higher comes
 * from an attempt whose answer was lost: connecting again settles it.
 */
export const checkFence = `
local fence = ARGV[2]
-- Removes what is not there, which only a master lets us do: a replica that lags behind would seem to have lost data.
local function refuse(text)
  redis.call('HDEL', hash, name .. ':trial')
  return redis.error_reply(text)
end
local found = redis.call('HGET', hash, name) or ''
if found ~= fence then
  local theirs, them = string.match(found, '^(%d+) (.*)$')
  local ours, us = string.match(fence, '^(%d+) (.*)$')
  if theirs and them ~= us and tonumber(theirs) > tonumber(ours) then
    return refuse('FENCED a newer bridge with the name "' .. name .. '" has taken over')
  end
  local said = found == '' and 'gone' or found
  return refuse('STORE_LOST the fence of "' .. name .. '" is ' .. said .. ', expected ' .. fence)
end
`;

/** The server's own clock in milliseconds: the only one that all bridges share. */
export const clock = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * Takes the name of the bridge for `ARGV[2]`. The fence is the server's clock, or one more than the last fence where that
 * clock was set back: it rises even when the store has lost the last one. Needs `clock`.
 */
export const takeName = `
local number = clock()
local last = tonumber(string.match(redis.call('HGET', hash, name) or '', '^(%d+) '))
if last and last >= number then number = last + 1 end
local fence = string.format('%.0f', number) .. ' ' .. ARGV[2]
redis.call('HSET', hash, name, fence)
`;

/**
 * Shortens the streams to `keep` entries and to `age` milliseconds, where either is not empty. Last of all, because Redis
 * checks its memory only before the first write of a script, and a user without the right to trim must not write anything
 * twice. Needs `counts`, the number of records added to each stream.
 */
export const trim = `
if keep ~= '' or age ~= '' then
  ${clock}
  for n = 1, #KEYS - 1 do
    -- More than was added, so that a stream which was never trimmed shrinks without ever blocking Redis for long.
    local limit = math.max(10000, 2 * (counts[n] or 0))
    if keep ~= '' then
      redis.call('XTRIM', KEYS[n + 1], 'MAXLEN', '~', keep, 'LIMIT', limit)
    end
    if age ~= '' then
      redis.call('XTRIM', KEYS[n + 1], 'MINID', '~', string.format('%.0f', clock() - age), 'LIMIT', limit)
    end
  end
end
`;
