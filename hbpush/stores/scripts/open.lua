-- A process has connected: does the store still have all that it was seen to have? If not, a new epoch begins.
-- KEYS: store, runs (by the run of a server, how many ids had been given when it ended, as the next one still knew).
-- ARGV: the server's run, a name for a new epoch, then what the process knows: epoch, run, how many ids were given in it, the newest second
-- of these, the newest second of any id.
-- Returns {epoch}.
local store = KEYS[1]
local RUNS = 200
local run, name, known_epoch, known_run = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known_given, known_second, newest = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local second = tonumber(redis.call('TIME')[1])
local function number(value) return string.format('%.0f', value) end
-- Ids from before `lost` are of a history that is not whole any more.
local function begin(floor, given, lost)
  redis.call('HSET', store, 'epoch', name, 'floor', number(floor), 'lost', number(lost), 'given', number(given), 'run', run)
  for _, field in ipairs({'newest', 'bytes', 'channels', 'tombstones'}) do redis.call('HSETNX', store, field, 0) end
  -- These go on rising when their counts were lost too.
  for _, field in ipairs({'generation', 'claims'}) do redis.call('HSETNX', store, field, number(floor * 1000000)) end
  return {name}
end

local record = redis.call('HMGET', store, 'epoch', 'floor', 'given', 'run')
local epoch, given = record[1], tonumber(record[3])
if not epoch then
  -- Who has seen ids may have seen some of this very second.
  if known_epoch == '' then return begin(second, 0, 0) end
  local floor = math.max(second, newest) + 1
  return begin(floor, 0, floor)
end
local floor = tonumber(record[2])
if run ~= record[4] then
  -- The server was started anew, or is another one.
  if redis.call('HLEN', KEYS[2]) >= RUNS then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[2], record[4], number(given))
  redis.call('HSET', store, 'run', run)
end
if epoch == known_epoch and known_given > 0 then
  -- What is known from a former run has to have been there when that one ended; of a run that nobody remembers, nothing is sure.
  local kept = known_run == run and given or tonumber(redis.call('HGET', KEYS[2], known_run) or -1)
  if known_given > kept then
    floor = math.max(second, newest, floor) + 1
    return begin(floor, given, floor)
  end
end
if known_epoch ~= '' and epoch ~= known_epoch and known_second >= floor then
  -- Somebody who knew less has begun it: what was given before is not to be taken for its own.
  redis.call('HSET', store, 'floor', number(known_second + 1), 'lost', number(known_second + 1))
end
return {epoch}
