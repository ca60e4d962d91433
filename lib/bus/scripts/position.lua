#!lua flags=no-writes
-- @prelude common.lua turn.lua
-- position: how many of the same tenant and lane will be taken before each of these, as things stand now (0 is next).
-- For the `queued` events without id that tell a reader how it moves on.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2.. for each: tenant, generation
-- returns {position, or -1 when it is not in a queue (running, waiting behind another, delayed, over), ...}
local out = {}
for i = 2, #ARGV, 2 do
  local h, n = rec(ARGV[i], ARGV[i + 1]), -1
  if h and h.state == 'queued' and h.where == 'queue' then
    local at = rc('LPOS', key('queue', h.lane, h.t, h.u), h.g)
    if at then n = ahead(h.lane, h.t, h.u, at) end
  end
  out[#out + 1] = n
end
return out
