-- Make the channel if there is none. ARGV: process, channel id, permanent (1 or 0), channels in other partitions.
-- Returns {messages, requested, last id, held, streaming}, or the name of a refusal.
if not generation then
  if channels + tonumber(ARGV[4]) >= max_channels then return 'CHANNELS' end
  create(ARGV[2])
else
  purge()
  call('HSET', meta, 'u', now)
end
if ARGV[3] == '1' then call('HSET', meta, 'k', 1) end
return {receipt(ARGV[1])}
