#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- delete: remove a chat. What runs or waits in it ends first, reason deleted, always discarded, so that a worker that
-- comes late is fenced and cannot make the chat again. Then its messages, logs and checkpoints go, and of its
-- generations' records all that anybody wrote; what is left of them answers `gone` to a repeated request.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2 tenant   3 chat
-- returns 1 deleted · 0 there was none (also when it is sent again)
local t, c = ARGV[2], ARGV[3]
local had = rc('EXISTS', key('chat', t, c)) == 1
local user = had and sound(key('chat', t, c), 'hash') and rc('HGET', key('chat', t, c), 'user') or ''
local active = rc('GET', key('active', t, c))
local function kill(g)
  local h = rec_open(t, g)
  if not h then return end
  h.on_stop = 'discard'
  over(h, 'stopped', 'deleted')
end
for _, g in ipairs(rc('LRANGE', key('wait', t, c), 0, -1)) do kill(g) end   -- first: none of them may start
kill(active)
for _, g in ipairs(rc('ZRANGE', key('gens', t, c), 0, -1)) do
  rc('DEL', key('log', t, g), key('steps', t, g))
  rc('HDEL', key('gen', t, g), 'request', 'restore', 'user_msg', 'title', 'metadata', 'system', 'output', 'error')
end
rc('ZREM', P .. 'fading', fading_name(t, user, c))
for _, k in ipairs({'chat', 'msgs', 'gens', 'last', 'active', 'wait', 'ask'}) do rc('DEL', key(k, t, c)) end
rc('ZREM', key('chats', t), c)
if user ~= '' then rc('ZREM', key('chats', t, userkey(user)), c) end
return (had or active) and 1 or 0
