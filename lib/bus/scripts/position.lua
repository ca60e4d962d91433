#!lua flags=no-writes
-- @prelude common.lua turn.lua
-- position: how many of the same tenant and lane will be taken before each of these, as things stand now (0 is next).
-- For the `queued` events without id that tell a reader how it moves on. One that waits behind its chat's active one
-- counts as if it came last now, after those that wait before it; one very far behind in its own list as the list's last.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2.. for each: tenant, generation
-- returns {position, or -1 when it does not wait (running, delayed, over), ...}
local out, FAR = {}, 5000
for i = 2, #ARGV, 2 do
  local h, n = rec(ARGV[i], ARGV[i + 1]), -1
  local line = h and key('queue', h.lane, h.t, h.u)
  if h and h.where == 'wait' then
    local at = rc('LPOS', key('wait', h.t, h.chat), h.g)
    if at then n = at + ahead(h.lane, h.t, h.u, rc('LLEN', line)) end
  elseif h and h.where == 'queue' then
    local at = rc('LPOS', line, h.g, 'MAXLEN', FAR)
    if not at and rc('LLEN', line) > FAR then at = rc('LLEN', line) - 1 end
    if at then n = ahead(h.lane, h.t, h.u, at) end
  end
  out[#out + 1] = n
end
return out
