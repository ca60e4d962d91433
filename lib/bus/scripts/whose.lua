#!lua flags=no-writes
-- @prelude common.lua
-- whose: may a narrow token know of this chat or generation?
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2 tenant   3 chat or ''   4 generation or '' (one of the two is there)
--      5 user of the token or '' (any)   6 the token's only chat or '' (any)
-- returns 1 yes · -1 no · 0 nothing is known of it
local t, c, g, user, only = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local function answer(is_mine) return is_mine and 1 or -1 end
if g ~= '' then
  local h = rec(t, g)
  return h and answer((only == '' or h.chat == only) and is_for(h, user)) or 0
end
if only ~= '' and c ~= only then return -1 end
local o = owner(t, c)
return o and answer(user == '' or o == user) or 0
