-- A process wants to be the only one, or no longer. KEYS: the lease. ARGV: process, how long it lasts (ms), 0 to give it back.
-- Returns 0 when the process has it or has given it back, else the milliseconds until it may be had.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lasting = tonumber(ARGV[2])
local holder = redis.call('HMGET', KEYS[1], 'process', 'until')
if holder[1] and holder[1] ~= ARGV[1] then
  local left = tonumber(holder[2]) - now
  if lasting == 0 or left <= 0 then
    left = 0
  elseif left > lasting then
    -- The clock was set back: who lives asks again long before.
    left = lasting
    redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + lasting))
  end
  if left > 0 or lasting == 0 then return left end
elseif lasting == 0 then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('HSET', KEYS[1], 'process', ARGV[1], 'until', string.format('%.0f', now + lasting))
redis.call('EXPIRE', KEYS[1], 60)
return 0
