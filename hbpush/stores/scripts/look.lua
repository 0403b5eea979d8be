-- A channel is due: free what has expired, remove it when nobody uses it, or forget its tombstone. Returns nothing.
local score = tonumber(call('ZSCORE', due, name()))
if not score or score > now then return end
if not generation then
  local id, tombstone = remembered()
  if tombstone then forget(id) else call('ZREM', due, name()) end
  return
end
purge()
if call('HEXISTS', meta, 'p') == 1 then idle_timeout = math.min(idle_timeout, passing_timeout) end
local next_look = math.huge
if idle_timeout < math.huge and not fields[6] then
  next_look = tonumber(fields[7]) + idle_timeout
  if next_look <= now and call('EXISTS', present) == 0 then
    -- Who has just left may come back, and is not to believe that it is there.
    announce('d', number(given) .. ' ' .. last)
    return remove()
  end
  if next_look <= now then next_look = now + idle_timeout end
end
if soonest and soonest > now then next_look = math.min(next_look, soonest) end
if next_look < math.huge then call('ZADD', due, next_look, name()) else call('ZREM', due, name()) end
