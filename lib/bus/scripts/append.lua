-- append: the hot path; a function in a library that is named by its content (see library.lua in the build's
-- output), since functions are global and a rolling deploy must not change them under older processes.
-- An event carries its own seq: the writer knows it, this function proves it, and log entry and published
-- message are the same bytes. One event is the common case: no loop, no string building.
--
-- FCALL append_<name>   KEYS 1 live   2 record   [3 stop flag; absent in Cluster and without chat]
-- ARGV 1 channel events:<tenant>:<generation>   2 seq of the first event   3 visible 0|1   4.. events (<= 1,000)
--      visible 1: the first delta, reasoning, refusal, tool_call_delta or tool_call since claim or checkpoint is in it
-- returns n > 0   appended, n = the log's length
--      0          fenced: stopped, taken away or gone. Drop everything, close the provider
--      -1         the flag is set: call stop with reason flag
--      -2 - len   refused, the log has len entries. len >= first + k - 1: an earlier try did arrive;
--                 else Redis lost a tail: append again from len + 1
--      error OOM, LOADING, NOSCRIPT or "Function not found": not fenced; try again
local function seen_first(record)         -- once per epoch or step, so a clock is affordable
  local call = redis.call
  local t = call('TIME')
  call('HSET', record, 'shown', 1)
  call('HSETNX', record, 'first_token_at', t[1] * 1000 + math.floor(t[2] / 1000))
end
local function append(KEYS, ARGV)
  local call = redis.call                 -- not there yet while the library loads
  if KEYS[3] and call('EXISTS', KEYS[3]) == 1 then return -1 end
  local k, n = #ARGV - 3, nil
  if k == 1 then n = call('RPUSHX', KEYS[1], ARGV[4]) else n = call('RPUSHX', KEYS[1], unpack(ARGV, 4)) end
  if n == 0 then return 0 end
  if n ~= ARGV[2] + k - 1 then
    call('RPOP', KEYS[1], k)
    return -2 - (n - k)
  end
  for i = 4, k + 3 do call('PUBLISH', ARGV[1], ARGV[i]) end
  if ARGV[3] == '1' then seen_first(KEYS[2]) end
  return n
end
redis.register_function('append_@NAME@', append)
