-- Give a message an id, keep it, announce it. ARGV: process, channel id, body, head, stored (1 or 0), time-out (ms; empty: the store's),
-- create (1 or 0), bytes and channels in other partitions, if_heard (1 or 0). Returns {messages, requested, id, held, streaming, given, epoch}, or the name of a refusal.
local process, id, body, head, stored = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
if not generation and ARGV[7] == '0' then return 'ABSENT' end
if not generation and ARGV[10] == '1' and not is_heard() then return 'UNHEARD' end
local size = stored and size_of(head, body) or 0
if size > max_channel_bytes or size > max_bytes then return 'LARGE' end
if not generation and channels + tonumber(ARGV[9]) >= max_channels then return 'CHANNELS' end
local other_bytes = tonumber(ARGV[8])
if generation then purge() end
local over = bytes + other_bytes + size - max_bytes
if stored and over > channel_bytes then return 'BYTES' end
if not generation then create(id, ARGV[10] == '1') end

local at, tag = string.match(last, '^(%d+)%-(.+)$')
local previous, second_of_id = last, math.max(second, floor)
if second_of_id > tonumber(at) then
  last = number(second_of_id) .. '-0'
else
  last = at .. '-' .. number(tonumber(tag) + 1)
end
given = given + 1
if second_of_id > tonumber(record[7]) then call('HSET', store, 'newest', second_of_id) end

local expires = ''
if stored then
  -- The oldest are counted out here, and dropped by XADD.
  local function is_over()
    return messages >= max_messages or channel_bytes + size > max_channel_bytes or bytes + other_bytes + size > max_bytes
  end
  local from, count = '-', 1
  while is_over() do
    local oldest = call('XRANGE', stream, from, '+', 'COUNT', count)
    if #oldest == 0 then break end
    for _, entry in ipairs(oldest) do
      if not is_over() then break end
      local its_size = size_of(entry[2][6], entry[2][8])
      if entry[2][4] ~= '' then call('ZREM', expiries, entry[1] .. ' ' .. its_size) end
      channel_bytes, bytes, messages = channel_bytes - its_size, bytes - its_size, messages - 1
      from = '(' .. entry[1]
    end
    count = 100
  end
  channel_bytes, bytes, messages = channel_bytes + size, bytes + size, messages + 1
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
  call('XADD', stream, 'MAXLEN', messages, last, 'p', previous, 'x', expires, 'h', head, 'b', body)
end
call('HSET', meta, 'l', last, 'b', channel_bytes, 'n', messages, 'u', now, 'f', 1)
call('HSET', store, 'bytes', bytes, 'given', given)
-- What min_messages no longer spares goes now.
if stored and min_messages > 0 then purge() end
announce('m', given .. ' ' .. last .. ' ' .. previous .. ' ' .. (expires == '' and '0' or expires) .. ' ' .. ARGV[5] .. '\n' .. head .. body)
local held, streaming = elsewhere(process)
return {messages, fields[4] or '', last, held, streaming, given, epoch}
