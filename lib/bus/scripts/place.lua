#!lua flags=allow-oom
-- @prelude common.lua
-- place: places at a model, counted over all processes. A place is a lease by Redis's clock, so those of a dead worker
-- come free by themselves. Who is refused asks again; that it was, is remembered (`wanted`), and only then does a place
-- that comes free send a message: where nobody waits, nobody is told.
--
-- KEYS 1 places:<model>   2 wanted:<model>
-- ARGV 1 prefix   2 take|give|renew   3 model   4 lease ms   5 limit (take)   6.. holders
-- returns of how many it is true: take: they have a place (who has one keeps it) · give: they had one · renew: all; one
--      whose lease ended while its request went on counts again
local verb, model, lease, limit = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local places, wanted, now, n = KEYS[1], KEYS[2], ms(), 0
local freed = rc('ZREMRANGEBYSCORE', places, '-inf', now)
for i = 6, #ARGV do
  local gone = verb == 'give' and rc('ZREM', places, ARGV[i]) or 0
  freed, n = freed + gone, n + gone
  if verb == 'renew' or verb == 'take' and (rc('ZSCORE', places, ARGV[i]) or rc('ZCARD', places) < limit) then
    rc('ZADD', places, now + lease, ARGV[i])
    n = n + 1
  elseif verb == 'take' then
    rc('SET', wanted, 1, 'PX', lease)
  end
end
rc('PEXPIRE', places, lease)
if freed > 0 and verb ~= 'take' and rc('DEL', wanted) == 1 then rc('PUBLISH', P .. 'places', model) end
return n
