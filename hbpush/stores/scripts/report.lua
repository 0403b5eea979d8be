-- Who listens in a process. ARGV: process, held, streaming (both empty: nobody, and it watches no more), requested (s, or empty).
if ARGV[2] == '' then
  call('HDEL', present, ARGV[1])
  if call('HLEN', present) == call('HEXISTS', present, 'r') then call('DEL', present) end
else
  call('HSET', present, ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
  if ARGV[4] ~= '' and not generation then call('HSET', present, 'r', ARGV[4]) end
  call('EXPIRE', present, PRESENT)
end
if generation then
  call('HSET', meta, 'u', now)
  if ARGV[4] ~= '' then call('HSET', meta, 'r', ARGV[4]) end
end
