-- What every script of a channel begins with. The store puts its bounds in front of it, as locals: max_messages, min_messages,
-- message_timeout (ms), max_channel_bytes, max_bytes, max_channels, idle_timeout and passing_timeout (ms), database. What has no limit is math.huge.
--
-- KEYS of every script of a channel, all in one hash slot:
--   1 stream    the kept messages; an entry's id is the message's, its fields are p (the id before), x (expiry in ms, or empty),
--               h (content type and event) and b (body). Without `meta` it is a tombstone: empty, it holds the last id of the name
--   2 meta      the channel exists when this does: i (its id), g (generation), l (last id given to the name), f (1 when it is its own),
--               n (messages kept), b (bytes kept), u (last used, ms), r (last requested, s), k (1 when permanent), p (1 when
--               made in passing), x (soonest expiry, ms)
--   3 expiries  by their time, those entries that expire, as "id size"
--   4 present   who listens, by process: "held streaming"; r (last requested, s) as long as there is no channel to know it
--   5 store     the record of all channels: epoch, floor, lost, given, newest (second of an id), bytes, channels, tombstones,
--               generation, claims, run
--   6 due       by their time (ms), the channels to look at: their keys' common part
--   7 processes by their name, when they last said that they live (ms)
local stream, meta, expiries, present, store, due, processes = unpack(KEYS)
local call = redis.call
local OVERHEAD = 256
local HEADS = 64
local TOMBSTONE = 60000
local TOMBSTONES = 10000
local ALIVE = 3000
local PRESENT = 60

local time = call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)

local record = call('HMGET', store, 'epoch', 'floor', 'given', 'bytes', 'channels', 'lost', 'newest')
if not record[1] then return redis.error_reply('NOEPOCH the store has no record of itself') end
local epoch, floor, given = record[1], tonumber(record[2]), tonumber(record[3])
local bytes, channels = tonumber(record[4]), tonumber(record[5])

local fields = call('HMGET', meta, 'g', 'l', 'b', 'r', 'x', 'k', 'u', 'f', 'n')
local generation, last = fields[1], fields[2]
local channel_bytes, messages, soonest = tonumber(fields[3] or 0), tonumber(fields[9] or 0), tonumber(fields[5])

-- The part that the keys of a channel have in common: what it is called in `due`, and in front of its pub/sub name.
local function name() return string.sub(stream, 1, -3) end

local function announce(kind, rest)
  call('PUBLISH', name() .. ':' .. database, kind .. ' ' .. epoch .. ' ' .. (generation or '0') .. ' ' .. rest)
end

-- A number in a text; what is a whole argument of a command is written well without it.
local function number(value) return string.format('%.0f', value) end

-- The last id of a name without a channel: its tombstone's, or what nothing was given before.
local function remembered()
  if call('EXISTS', stream) == 0 then return number(floor) .. '--1', false end
  local about = call('XINFO', 'STREAM', stream)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then return about[i + 1], true end
  end
end

-- What a message counts, as `size_of` of hbpush.core.message has it: the first line of a head is only how long content type and event are.
local function size_of(head, body) return #body + OVERHEAD + math.max(0, #head - string.find(head, '\n', 1, true) - HEADS) end

local function seconds_of(id) return tonumber(string.match(id, '^%d+')) end

-- Drop what has expired, but for the newest `min_messages`.
local function purge()
  if not soonest or soonest > now or messages <= min_messages then return end
  local freed, dropped = 0, 0
  local function drop(id, size)
    call('ZREM', expiries, id .. ' ' .. size)
    if call('XDEL', stream, id) == 1 then freed, dropped = freed + size, dropped + 1 end
  end
  if min_messages > 0 then
    for _, entry in ipairs(call('XRANGE', stream, '-', '+', 'COUNT', messages - min_messages)) do
      local f = entry[2]
      if f[4] ~= '' and tonumber(f[4]) <= now then drop(entry[1], size_of(f[6], f[8])) end
    end
  else
    repeat
      local expired = call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 500)
      for _, member in ipairs(expired) do
        local id, size = string.match(member, '^(%S+) (%d+)$')
        drop(id, tonumber(size))
      end
    until #expired < 500
  end
  soonest = tonumber(call('ZRANGE', expiries, 0, 0, 'WITHSCORES')[2])
  if soonest then call('HSET', meta, 'x', soonest) else call('HDEL', meta, 'x') end
  channel_bytes, bytes, messages = channel_bytes - freed, bytes - freed, messages - dropped
  call('HSET', meta, 'b', channel_bytes, 'n', messages)
  call('HSET', store, 'bytes', bytes)
end

-- How many listen in other processes that are alive: polls, streams.
local function elsewhere(process)
  local held, streaming = 0, 0
  local all = call('HGETALL', present)
  for i = 1, #all, 2 do
    if all[i] ~= process and all[i] ~= 'r' then
      local seen = call('HGET', processes, all[i])
      if not seen then
        call('HDEL', present, all[i])
      elseif tonumber(seen) > now - ALIVE then
        local polls, streams = string.match(all[i + 1], '^(%d+) (%d+)$')
        held, streaming = held + tonumber(polls), streaming + tonumber(streams)
      end
    end
  end
  return held, streaming
end

-- Whether anybody listens, as far as processes have said, or listens to announcements, which they do before they say so.
local function is_heard()
  return call('EXISTS', present) == 1 or call('PUBSUB', 'NUMSUB', name() .. ':' .. database)[2] > 0
end

-- Make the channel, which does not exist; one in passing is idle sooner.
local function create(id, passing)
  local tombstone
  last, tombstone = remembered()
  if tombstone then
    call('XTRIM', stream, 'MAXLEN', 0)
    call('HINCRBY', store, 'tombstones', -1)
  end
  generation = number(call('HINCRBY', store, 'generation', 1))
  channels = channels + 1
  call('HSET', store, 'channels', channels)
  call('HSET', meta, 'i', id, 'g', generation, 'l', last, 'b', 0, 'n', 0, 'u', now)
  local requested = call('HGET', present, 'r')
  if requested then
    call('HSET', meta, 'r', requested)
    call('HDEL', present, 'r')
  end
  fields[4], fields[8] = requested, false
  if passing then
    call('HSET', meta, 'p', 1)
    idle_timeout = math.min(idle_timeout, passing_timeout)
  end
  if idle_timeout < math.huge then call('ZADD', due, now + idle_timeout, name()) else call('ZREM', due, name()) end
end

-- The tombstone has had its time: what is not above the floor is not known by name any more.
local function forget(id)
  call('HINCRBY', store, 'tombstones', -1)
  call('HSET', store, 'floor', math.max(floor, seconds_of(id) + 1))
  call('DEL', stream)
  call('ZREM', due, name())
end

-- Remove the channel, which exists. Its last id stays for a minute with its name, then goes into the floor of all names.
local function remove()
  call('DEL', meta, expiries)
  call('HSET', store, 'bytes', bytes - channel_bytes, 'channels', channels - 1)
  generation = false
  if call('EXISTS', stream) == 0 then
    -- An id of tag -1 was never given.
    if string.find(last, '--', 1, true) then return call('ZREM', due, name()) end
    call('XADD', stream, seconds_of(last) .. '-0', 'p', '')
  end
  call('XTRIM', stream, 'MAXLEN', 0)
  call('XSETID', stream, last)
  call('ZADD', due, now + TOMBSTONE, name())
  if call('HINCRBY', store, 'tombstones', 1) > TOMBSTONES then forget(last) end
end

local function receipt(process)
  local held, streaming = elsewhere(process)
  return messages, fields[4] or '', fields[8] and last or '', held, streaming
end
