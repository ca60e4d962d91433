#!lua flags=allow-oom
-- renew: all of a worker's leases in one call. It checks the live keys, so a zombie cannot renew: a key that is gone
-- means stopped or taken away.
--
-- KEYS 1 leases   ARGV 1 prefix   2 lease ms   3.. for each: tenant, generation, token (at most 2,000)
-- returns {1 renewed | 0 lost, ...} in order
local t = redis.call('TIME')
local till, out = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2], {}
for i = 3, #ARGV, 3 do
  local id = ARGV[i] .. ':' .. ARGV[i + 1]
  local live = redis.call('EXISTS', ARGV[1] .. 'live:' .. id .. ':' .. ARGV[i + 2])
  if live == 1 then redis.call('ZADD', KEYS[1], 'XX', till, id) end
  out[#out + 1] = live
end
return out
