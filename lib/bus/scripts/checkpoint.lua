-- checkpoint: a graph step's result and its event together, behind the same fence as append; in the same library.
-- A crash after it resumes here, and what was shown before it is not half-shown any more.
--
-- FCALL checkpoint_<name>   KEYS 1 live   2 record   3 steps   [4 stop flag; absent in Cluster and without chat]
-- ARGV 1 channel   2 seq   3 shown 0|1: is text of another, unfinished step shown   4 field   5 value   6 event
-- returns as append; sent again after it arrived it answers -2 - len with len >= seq
local function checkpoint(KEYS, ARGV)
  local call = redis.call
  if KEYS[4] and call('EXISTS', KEYS[4]) == 1 then return -1 end
  local n = call('RPUSHX', KEYS[1], ARGV[6])
  if n == 0 then return 0 end
  if n ~= tonumber(ARGV[2]) then
    call('RPOP', KEYS[1])
    return -2 - (n - 1)
  end
  call('HSET', KEYS[3], ARGV[4], ARGV[5])
  call('HSET', KEYS[2], 'shown', ARGV[3])
  call('PUBLISH', ARGV[1], ARGV[6])
  return n
end
redis.register_function('checkpoint_@NAME@', checkpoint)
