#!lua flags=allow-oom
-- watch: "somebody reads this" is a lease too; only generations with on_disconnect: stop are in it. An API process
-- pushes it on when a reader comes and every grace / 2 for all that it serves (on), and cuts it to the grace when its
-- last local reader leaves (off). Another process's next `on` saves it; a dead process simply stops pushing.
--
-- KEYS 1 watch   ARGV 1 on|off   2 ms from now   3.. "<tenant>:<generation>"
-- returns how many of them are still watched
local t = redis.call('TIME')
local till, n = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2], 0
for i = 3, #ARGV do
  redis.call('ZADD', KEYS[1], 'XX', ARGV[1] == 'on' and 'GT' or 'LT', till, ARGV[i])
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then n = n + 1 end
end
return n
