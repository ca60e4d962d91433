-- append: the hot path; a function in a library that is named by its content (see library.lua in the build's
-- output), since functions are global and a rolling deploy must not change them under older processes.
-- An event carries its own seq: the writer knows it, this function proves it, and log entry and published
-- message are the same bytes. One event is the common case: no loop, no string building.
--
-- FCALL append_<name>   KEYS 1 live   2 record   [3 stop flag; absent, or live again, in Cluster and without chat]
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
-- The one way into a log: events[from..to], whose first seq is `first`, of one stream.
local function take(live, record, flag, channel, first, visible, events, from, to)
  local call = redis.call                 -- not there yet while the library loads
  if flag and call('EXISTS', flag) == 1 then return -1 end
  local k, n = to - from + 1, nil
  if k == 1 then n = call('RPUSHX', live, events[from]) else n = call('RPUSHX', live, unpack(events, from, to)) end
  if n == 0 then return 0 end
  if n ~= first + k - 1 then
    call('RPOP', live, k)
    return -2 - (n - k)
  end
  for i = from, to do call('PUBLISH', channel, events[i]) end
  if visible == '1' then seen_first(record) end
  return n
end
local function append(KEYS, ARGV)
  return take(KEYS[1], KEYS[2], KEYS[3] ~= KEYS[1] and KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV, 4, #ARGV)
end
redis.register_function('append_@NAME@', append)

-- appends: one event each of several streams in one call, since a call costs more than an append.
-- FCALL appends_<name>  KEYS of each: live, record, stop flag (live again: no flag)
-- ARGV of each: channel, seq, visible, event
-- returns what append would answer to each; where that is an error, the error: the others are not its victims
local function appends(KEYS, ARGV)
  local answers = {}
  for i = 1, #KEYS / 3 do
    local k, a = 3 * i - 2, 4 * i - 3
    local flag = KEYS[k + 2] ~= KEYS[k] and KEYS[k + 2]
    local ok, n = pcall(take, KEYS[k], KEYS[k + 1], flag, ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV, a + 3, a + 3)
    answers[i] = ok and n or redis.error_reply(type(n) == 'table' and n.err or tostring(n))
  end
  return answers
end
redis.register_function('appends_@NAME@', appends)
