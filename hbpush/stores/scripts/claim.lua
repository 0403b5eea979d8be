-- A poll wants to wait on a channel where not everybody may. ARGV: process, held and streaming there with it, mode (first, last or any).
-- Returns {its number, 0 when it is turned away; held, streaming in other processes}.
local held, streaming = elsewhere(ARGV[1])
if ARGV[4] == 'first' and held > 0 then return {0, held, streaming} end
call('HSET', present, ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
call('EXPIRE', present, PRESENT)
local claim = call('HINCRBY', store, 'claims', 1)
if ARGV[4] == 'last' then announce('x', number(claim)) end
return {claim, held, streaming}
