import type { Position } from '../../core/checkpoint.ts';
import { checkpointText, positionMembers, positionText } from '../../core/checkpoint.ts';
import type { Call, Share, Step } from './draft.ts';
import { checkFence, checkTypes, scriptOf, trim } from './lua.ts';
import type { Argument } from './request.ts';
import type { Terms } from './terms.ts';

/**
 * Position of a value as `checkpointText` writes it, as text that sorts; empty for anything else. The number is written
 * plus one as `positionText` does: on the digits, since Lua knows doubles only.
 */
const positionOf = `
local function positionOf(value)
  local epoch, number, sub = string.match(value or '', '^{"epoch":(%d+),"seq":"?(%w+)"?,"sub":(%d+)[,}]')
  if not epoch then return '' end
  local function pad(text, width) return string.rep('0', width - #text) .. text end
  local function carry(digit, nines) return (digit + 1) .. string.rep('0', #nines) end
  number = number == 'null' and pad('', 20) or string.gsub(pad(number, 20), '(%d)(9*)$', carry)
  return pad(epoch, 16) .. '.' .. number .. '.' .. pad(sub, 12)
end
`;

/**
 * Decides for every step how many of its records are there already, before anything is written.
 * Positions are compared as text of digits at fixed places: the same under any collation that Redis was started with.
 */
const compare = `
local skips, moved, parts, isRepeat = {}, {}, {}, false
local held = {}
for s = 1, streams do
  local id, follows = share(s)
  local found = redis.call('HGET', hash, name .. '/' .. id)
  held[s] = positionOf(found)
  if positionOf(follows) > held[s] then
    return refuse('STORE_LOST the checkpoint of "' .. string.sub(id, 1, 200) .. '" is ' ..
      (found or 'gone') .. ', expected ' .. follows)
  end
  local part = redis.call('HGET', hash, name .. ':part/' .. id)
  if part then
    local done, of = string.match(part, '"done":(%d+),"of":(%d+)}$')
    parts[s] = { position = positionOf(part), done = tonumber(done), of = tonumber(of) }
  end
end
for s, position, from, to, of in string.gmatch(ARGV[7], '(%d+) (%S+) (%d+) (%d+) (%d+) [^\\n]*\\n') do
  s, from, to, of = tonumber(s), tonumber(from), tonumber(to), tonumber(of)
  local skip, part = to - from, parts[s]
  if position > held[s] then
    local isBegun = part and part.position == position and part.of == of
    local done = isBegun and part.done or 0
    if done < from then
      return refuse('STORE_LOST ' .. done .. ' records of a batch of "' ..
        string.sub((share(s)), 1, 200) .. '" are there, expected ' .. from)
    end
    skip = math.min(skip, done - from)
    if to == of then
      held[s], moved[s] = position, true
      if part then parts[s] = { over = true } end
    else
      -- The last of its stream in this call: the next record begins another call.
      parts[s] = { isNew = to > done }
    end
  end
  skips[#skips + 1] = skip
  isRepeat = isRepeat or skip > 0
end
`;

/** Documents of one key come as one argument and are cut at their newlines here: per record that costs the client nothing. */
const append = `
local starts, counts = {}, {}
local function take(n, many, skip)
  local documents, start = ARGV[7 + 4 * streams + n], starts[n] or 1
  local key, count = KEYS[n + 1], 0
  while count < many do
    local stop = string.find(documents, '\\n', start, true)
    if not stop then break end
    if count >= skip then redis.call('XADD', key, '*', field, string.sub(documents, start, stop - 1)) end
    count = count + 1
    start = stop + 1
  end
  starts[n] = start
  counts[n] = (counts[n] or 0) + count
  return skip - math.min(skip, count)
end
if not isRepeat then
  for n = 1, #KEYS - 1 do take(n, math.huge, 0) end
else
  local step = 0
  for pieces in string.gmatch(ARGV[7], '%d+ %S+ %d+ %d+ %d+ ([^\\n]*)\\n') do
    step = step + 1
    local skip = skips[step]
    for n, many in string.gmatch(pieces, '(%d+):(%d+)') do
      skip = take(tonumber(n), tonumber(many), skip)
    end
  end
end
`;

/** After the records, so that a script which fails on the way never counts more than there is. */
const settle = `
for s = 1, streams do
  local id, _, checkpoint, begun = share(s)
  if checkpoint ~= '' and moved[s] then
    redis.call('HSET', hash, name .. '/' .. id, checkpoint)
  end
  local part = parts[s]
  if part and part.over then
    redis.call('HDEL', hash, name .. ':part/' .. id)
  elseif part and part.isNew then
    redis.call('HSET', hash, name .. ':part/' .. id, begun)
  end
end
`;

/**
 * Appends everything of one call and moves the checkpoints, or does nothing: wrong types, a newer bridge and a store that
 * lost its data are found before the first write, and Redis refuses a script that it cannot take (out of memory, read
 * only, disk broken) at its first write.
 *
 * KEYS       the hash of checkpoints, then the streams
 * ARGV[1]    name of the bridge
 * ARGV[2]    our fence
 * ARGV[3]    name of the field
 * ARGV[4]    entries to keep, or empty
 * ARGV[5]    milliseconds to keep entries for, or empty
 * ARGV[6]    number of streams of events
 * ARGV[7]    a line per batch, in order: stream, position, index of its first record here, of the one behind its last
 *            here, number of its records, then for each run of records `key:records`
 * then       four for each stream of events: id, what must be there before, its new checkpoint, what is there of a batch
 *            that a later call completes
 * then       documents for each of the keys, each with a newline behind it; may be empty
 */
export const exactlyOnceScript = scriptOf(
  checkTypes,
  checkFence,
  `local field, keep, age, streams = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local function share(s) return unpack(ARGV, 4 + 4 * s, 7 + 4 * s) end
`,
  positionOf,
  compare,
  append,
  settle,
  trim,
);

/** What the script takes behind its keys. */
export function exactlyOnceArguments(call: Call, fence: string, terms: Terms): Argument[] {
  return [
    terms.bridge,
    fence,
    terms.field,
    terms.keep,
    terms.age,
    String(call.shares.length),
    call.steps.map(stepText).join(''),
    ...call.shares.flatMap(shareArguments),
    ...call.documents,
  ];
}

function stepText({ share, batch, from, to, runs }: Step): string {
  const position = positionText(batch.checkpoint.position);
  const records = runs.map(({ key, records }) => `${key}:${records}`).join(' ');
  return `${share} ${position} ${from} ${to} ${batch.ends.length} ${records}\n`;
}

function shareArguments({ stream, follows, complete, begun }: Share): string[] {
  return [
    stream,
    follows === null ? '' : positionJson(follows),
    complete === null ? '' : checkpointText(complete.checkpoint),
    begun === null ? '' : partText(begun.batch.checkpoint.position, begun.to, begun.batch.ends.length),
  ];
}

/** In the words of a checkpoint, so that both can stand in one message. */
function positionJson(position: Position): string {
  return `{${positionMembers(position)}}`;
}

function partText(position: Position, done: number, of: number): string {
  return `{${positionMembers(position)},"done":${done},"of":${of}}`;
}
