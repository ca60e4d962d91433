#!lua flags=no-writes
-- chats: a page of the index of chats, newest commit first, with what is active in each.
--
-- KEYS 1 index chats:<tenant>   ARGV 1 prefix   2 tenant   3 max rows   4 after: the last chat of the page before, or ''
--      5 user, or '' for all
-- returns {more follow 0|1, {chat, active generation or '', {name, value, ...}}, ...}; the fields are those of a list: no system, no metadata
local P, t, max, after = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local FIELDS = {'title', 'user', 'created_at', 'updated_at', 'message_count'}
local index = ARGV[5] == '' and KEYS[1] or KEYS[1] .. ':' .. redis.sha1hex(ARGV[5])
local from = 0
if after ~= '' then
  local rank = redis.call('ZREVRANK', index, after)
  from = rank and rank + 1 or 0
end
local ids = redis.call('ZREVRANGE', index, from, from + max)
local out = {#ids > max and 1 or 0}
for i = 1, math.min(#ids, max) do
  local c, pairs = ids[i], {}
  local v = redis.call('HMGET', P .. 'chat:' .. t .. ':' .. c, unpack(FIELDS))
  for j, f in ipairs(FIELDS) do
    if v[j] then
      pairs[#pairs + 1] = f
      pairs[#pairs + 1] = v[j]
    end
  end
  out[#out + 1] = {c, redis.call('GET', P .. 'active:' .. t .. ':' .. c) or '', pairs}
end
return out
