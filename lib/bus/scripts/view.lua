#!lua flags=no-writes
-- @prelude common.lua
-- view: a chat as a reader sees it, in one look: its record, a page of its messages, and what is active in it.
--
-- KEYS 1 record chat:<tenant>:<chat>   ARGV 1 prefix   2 tenant   3 chat   4 max messages
--      5 before: a message's id, or '' for the newest   6 max bytes of the page: then it has fewer, but at least one ('' = any)
-- returns {1 {name, value, ...} of the record, 2 {messages, oldest first}, 3 how many older ones there are,
--      4 the active generation or '', 5 {name, value, ...} of its record}; 1 is empty when there is no record, 2 when `before` is not found
local t, c, max, before = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local msgs, record, page, older = key('msgs', t, c), rc('HGETALL', KEYS[1]), {}, 0
local STEP = 20                           -- messages that are read at once while bytes are counted
local function bounded(from, to, most)    -- the newest of from .. to that fit, and where they begin
  local got, bytes = {}, 0
  for last = to, from, -STEP do
    local first = math.max(last - STEP + 1, from)
    local part = rc('LRANGE', msgs, first, last)
    for i = #part, 1, -1 do
      bytes = bytes + #part[i]
      if bytes > most and #got > 0 then return got, first + i end
      table.insert(got, part[i])
    end
  end
  return got, from
end
if #record > 0 and max > 0 then
  local to = before == '' and rc('LLEN', msgs) or before ~= '' and message_place(msgs, before) or 0
  local from = math.max(to - max, 0)
  if to > 0 and ARGV[6] and ARGV[6] ~= '' then
    local newest
    newest, from = bounded(from, to - 1, tonumber(ARGV[6]))
    for i = #newest, 1, -1 do page[#page + 1] = newest[i] end
  elseif to > 0 then page = rc('LRANGE', msgs, from, to - 1) end
  older = from
end
local active = rc('GET', key('active', t, c)) or ''
local gen = active ~= '' and rc('HGETALL', key('gen', t, active)) or {}
return {record, page, older, active, gen}
