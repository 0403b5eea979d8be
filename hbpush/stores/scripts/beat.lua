-- A process says that it lives, and hears how the store is. KEYS: store, due, processes. ARGV: process, its canary's pub/sub name.
-- Returns {epoch, given, newest second, bytes, channels, then the names of channels that are due}, or nothing without a record.
local FORGOTTEN = 120000
local DUE = 100
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('PUBLISH', ARGV[2], '')
local record = redis.call('HMGET', KEYS[1], 'epoch', 'given', 'newest', 'bytes', 'channels')
if not record[1] then return {} end
redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', now))
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) < now - FORGOTTEN then redis.call('HDEL', KEYS[3], all[i]) end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, DUE)) do
  record[#record + 1] = name
end
return record
