#!lua flags=no-writes
-- @prelude common.lua turn.lua
-- dead: a page of the dead list, newest first: what was given up after too many crashes, with its evidence.
--
-- KEYS 1 dead   ARGV 1 prefix   2 offset   3 max rows
-- returns {more follow 0|1, tenant, generation, chat, lane, error (JSON) or '', died at ms, crashes, ...}; a row whose
--      record is no longer kept has '' but for names and time
local from, max = tonumber(ARGV[2]), tonumber(ARGV[3])
local page = rc('ZREVRANGE', KEYS[1], from, from + max, 'WITHSCORES')
local out = {#page > 2 * max and 1 or 0}
for i = 1, math.min(#page, 2 * max), 2 do
  local t, g = split(page[i])
  local v = rc('HMGET', key('gen', t, g), 'chat', 'lane', 'error', 'crashes')
  for _, f in ipairs({t, g, v[1] or '', v[2] or '', v[3] or '', page[i + 1], v[4] or '0'}) do out[#out + 1] = f end
end
return out
