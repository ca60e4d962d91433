#!lua flags=no-writes
-- view: a chat as a reader sees it, in one look: its record, a page of its messages, and what is active in it.
--
-- KEYS 1 record chat:<tenant>:<chat>   ARGV 1 prefix   2 tenant   3 chat   4 max messages
--      5 before: a message's id, or '' for the newest
-- returns {1 {name, value, ...} of the record, 2 {messages, oldest first}, 3 older ones exist 0|1,
--      4 the active generation or '', 5 {name, value, ...} of its record}; 1 is empty when there is no record, 2 when `before` is not found
local P, id = ARGV[1], ARGV[2] .. ':' .. ARGV[3]
local max, before, msgs = tonumber(ARGV[4]), ARGV[5], P .. 'msgs:' .. id
local function list_end()                 -- the place (from 0) before which the page ends
  local n = redis.call('LLEN', msgs)
  if before == '' then return n end
  for to = n, 1, -100 do                  -- the newest are asked for most
    local from = math.max(to - 100, 0)
    local part = redis.call('LRANGE', msgs, from, to - 1)
    for i = #part, 1, -1 do
      local ok, m = pcall(cmsgpack.unpack, part[i])
      if ok and type(m) == 'table' and m.id == before then return from + i - 1 end
    end
  end
  return 0
end
local record, page, more = redis.call('HGETALL', KEYS[1]), {}, 0
if #record > 0 and max > 0 then
  local to = list_end()
  local from = math.max(to - max, 0)
  if to > 0 then page = redis.call('LRANGE', msgs, from, to - 1) end
  more = from > 0 and 1 or 0
end
local active = redis.call('GET', P .. 'active:' .. id) or ''
local gen = active ~= '' and redis.call('HGETALL', P .. 'gen:' .. ARGV[2] .. ':' .. active) or {}
return {record, page, more, active, gen}
