-- What the channel is. ARGV: process. Returns {messages, requested, last id, held, streaming}, or the name of a refusal.
if not generation then return 'ABSENT' end
purge()
return {receipt(ARGV[1])}
