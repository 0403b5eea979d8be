-- Give a message an id, keep it, announce it. ARGV: process, channel id, body, head, stored (1 or 0), time-out (ms; empty: the store's),
-- create (1 or 0), bytes and channels in other partitions. Returns {messages, requested, id, held, streaming, given}, or the name of a refusal.
local process, id, body, head, stored = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
if not generation and ARGV[7] == '0' then return 'ABSENT' end
local size = stored and #body + OVERHEAD or 0
if size > max_channel_bytes or size > max_bytes then return 'LARGE' end
if not generation and channels + tonumber(ARGV[9]) >= max_channels then return 'CHANNELS' end
local other_bytes = tonumber(ARGV[8])
if generation then purge() end
local over = bytes + other_bytes + size - max_bytes
local freed = 0
if stored and over > 0 then
  if over > channel_bytes then return 'BYTES' end
  while freed < over do freed = freed + drop_oldest() end
end
if not generation then create(id) end

local at, tag = string.match(last, '^(%d+)%-(.+)$')
local previous, second_of_id = last, math.max(second, floor)
if second_of_id > tonumber(at) then
  last = number(second_of_id) .. '-0'
else
  last = at .. '-' .. number(tonumber(tag) + 1)
end
given = given + 1

local expires = ''
if stored then
  local timeout = ARGV[6] == '' and message_timeout or tonumber(ARGV[6])
  if timeout > 0 then
    expires = number(now + timeout)
    call('ZADD', expiries, expires, last .. ' ' .. size)
    if not soonest or now + timeout < soonest then
      soonest = now + timeout
      call('HSET', meta, 'x', expires)
      call('ZADD', due, 'LT', expires, name())
    end
  end
  call('XADD', stream, last, 'p', previous, 'x', expires, 'h', head, 'b', body)
end
channel_bytes = channel_bytes + size - freed
bytes = bytes + size - freed
-- What min_messages no longer spares goes now.
if stored and min_messages > 0 then purge() end
local messages = call('XLEN', stream)
while messages > max_messages or channel_bytes > max_channel_bytes do
  freed = drop_oldest()
  channel_bytes, bytes, messages = channel_bytes - freed, bytes - freed, messages - 1
end
call('HSET', meta, 'l', last, 'b', number(channel_bytes), 'u', number(now), 'f', 1)
call('HSET', store, 'bytes', number(bytes), 'given', number(given))
announce('m', number(given) .. ' ' .. last .. ' ' .. previous .. ' ' .. (expires == '' and '0' or expires) .. ' ' .. ARGV[5] .. '\n' .. head .. body)
local held, streaming = elsewhere(process)
return {messages, fields[4] or '', last, held, streaming, number(given)}
