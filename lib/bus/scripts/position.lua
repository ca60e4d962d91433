#!lua flags=no-writes
-- @prelude common.lua turn.lua
-- position: how many of the same tenant and lane will be taken before each of these, as things stand now (0 is next).
-- For the `queued` events without id that tell a reader how it moves on.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2.. for each: tenant, generation
-- One that is very far behind in its own list counts as the list's last.
-- returns {position, or -1 when it is not in a queue (running, waiting behind another, delayed, over), ...}
local out, FAR = {}, 5000
for i = 2, #ARGV, 2 do
  local h, n = rec(ARGV[i], ARGV[i + 1]), -1
  if h and h.state == 'queued' and h.where == 'queue' then
    local line = key('queue', h.lane, h.t, h.u)
    local at = rc('LPOS', line, h.g, 'MAXLEN', FAR)
    if not at and rc('LLEN', line) > FAR then at = rc('LLEN', line) - 1 end
    if at then n = ahead(h.lane, h.t, h.u, at) end
  end
  out[#out + 1] = n
end
return out
