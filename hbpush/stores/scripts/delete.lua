-- Remove the channel and announce it. ARGV: process. Returns {messages, requested, last id, held, streaming, generation}, or a refusal.
if not generation then return 'ABSENT' end
purge()
local messages, requested, id, held, streaming = receipt(ARGV[1])
local gone = generation
announce('d', number(given) .. ' ' .. last)
remove()
return {messages, requested, id, held, streaming, gone}
