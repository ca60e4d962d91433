#!lua flags=no-writes
-- @prelude common.lua
-- view: a chat as a reader sees it, in one look: its record, a page of its messages, and what is active in it.
--
-- KEYS 1 record chat:<tenant>:<chat>   ARGV 1 prefix   2 tenant   3 chat   4 max messages
--      5 before: a message's id, or '' for the newest
-- returns {1 {name, value, ...} of the record, 2 {messages, oldest first}, 3 older ones exist 0|1,
--      4 the active generation or '', 5 {name, value, ...} of its record}; 1 is empty when there is no record, 2 when `before` is not found
local t, c, max, before = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local msgs, record, page, more = key('msgs', t, c), rc('HGETALL', KEYS[1]), {}, 0
if #record > 0 and max > 0 then
  local to = before == '' and rc('LLEN', msgs) or before ~= '' and message_place(msgs, before) or 0
  local from = math.max(to - max, 0)
  if to > 0 then page = rc('LRANGE', msgs, from, to - 1) end
  more = from > 0 and 1 or 0
end
local active = rc('GET', key('active', t, c)) or ''
local gen = active ~= '' and rc('HGETALL', key('gen', t, active)) or {}
return {record, page, more, active, gen}
