-- A page of history. ARGV: since ("oldest", "newest", "last N" or an id), limit, how many bytes are enough.
-- Returns {epoch, lost, generation (0: no such channel), last id, given, more (1 or 0), then id, p, x, h, b of each message}.
local since, limit, enough = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not generation then return {epoch, record[6], '0', (remembered()), given, 0} end
purge()
local page = {epoch, record[6], generation, last, given, 0}
local from
local count = string.match(since, '^last (%d+)$')
if since == 'oldest' then
  from = '-'
elseif since == 'newest' or count == '0' then
  return page
elseif count then
  local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', count)
  if #newest == 0 then return page end
  from = newest[#newest][1]
else
  local at, tag = string.match(since, '^(%d+)%-(.+)$')
  from = tag == '-1' and at .. '-0' or '(' .. since
end
local before
while true do
  local entries = call('XRANGE', stream, from, '+', 'COUNT', math.min(limit, 16) + 1)
  for _, entry in ipairs(entries) do
    local f = entry[2]
    -- No message is missing within a page: it ends before a gap.
    if limit == 0 or enough <= 0 or (before and f[2] ~= before) then
      page[6] = 1
      return page
    end
    before = entry[1]
    limit, enough = limit - 1, enough - size_of(f[6], f[8])
    page[#page + 1] = before
    page[#page + 1] = f[2]
    page[#page + 1] = f[4]
    page[#page + 1] = f[6]
    page[#page + 1] = f[8]
  end
  if #entries < 2 then return page end
  from = '(' .. before
end
