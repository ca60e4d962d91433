#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- stop: decide at once, truthfully. By generation, or by chat (generation ''). With a request token the outcome is
-- remembered for 60 s: sent again it answers what the first one did and can never hit the next turn; a stop by chat
-- is therefore always sent with one.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2 tenant   3 chat or ''   4 generation or '' (one of the two is there)
--      5 reason user|flag|disconnect|operator   6 request token or ''   7 seen: seq that the reader has got, or ''
--      8 all 0|1: also what waits behind it   9 limit of remembered stops of unseen ids (0 = none)
--      10 user: only what is of this user is there ('' = all of the tenant)
-- returns {1 outcome, 2 generation, 3 chat, 4 seq, 5 state, 6 reason, 7 restore, 8 committed 0|1, 9 message_id,
--       10 usage, 11 {generation, restore, ...} that were waiting}; nil where there is no value
--      stopped · already_stopped already_done already_failed already_interrupted · idle · will_stop
--      notfound (404) · full (429) · no_flag: reason was flag but it is gone or was not for this one; go on
local t, c, g, reason, token = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local seen, all, by_chat, user = ARGV[7], ARGV[8] == '1', ARGV[4] == '', ARGV[10]
local function remember(outcome, id, dropped)
  if token == '' then return end
  rc('SET', key('stopreq', t, token), cmsgpack.pack({outcome, id, dropped}), 'PX', NOTE_MS)
end
local function answer(outcome, id, dropped)
  local waiting = {}
  for _, w in ipairs(dropped or {}) do
    waiting[#waiting + 1] = w
    waiting[#waiting + 1] = rc('HGET', key('gen', t, w), 'restore')
  end
  local r = rc('HMGET', key('gen', t, id), 'state', 'chat', 'seq', 'reason', 'restore', 'committed', 'message_id',
    'usage')
  local state, kept = r[1], r[6] == '1'
  if not state then                       -- nothing known of it
    return {outcome, id ~= '' and id, c ~= '' and c, false, false, false, false, '0', false, false, waiting}
  end
  local ended = state ~= 'queued' and state ~= 'running'
  return {outcome, id, r[2] ~= '' and r[2], ended and tonumber(r[3] or '0'), state, ended and r[4] ~= '' and r[4],
    ended and not kept and r[5], r[6] or '0', kept and r[7], ended and r[8], waiting}
end
local function decide(outcome, id, dropped)
  remember(outcome, id, dropped or {})
  return answer(outcome, id, dropped)
end
if token ~= '' then
  local ok, did = pcall(cmsgpack.unpack, rc('GET', key('stopreq', t, token)) or '')
  if ok and type(did) == 'table' then return answer(did[1], did[2], did[3]) end
end
local h
local function forget()                   -- by chat while nothing runs: what it asked needs no answer any more
  if by_chat then rc('DEL', key('ask', t, c)) end
end
if by_chat then
  h = rec_open(t, rc('GET', key('active', t, c))) or rec(t, rc('GET', key('last', t, c)) or '')
  if not h then
    local is_there = rc('EXISTS', key('chat', t, c)) == 1 and (user == '' or owner(t, c) == user)
    if is_there then forget() end
    return decide(is_there and 'idle' or 'notfound', '')
  end
  g = h.g
else
  h = rec(t, g)
end
if not h then                             -- not seen yet: remember the stop for a minute
  if reason ~= 'user' then return answer('notfound', g) end
  local tomb, now, limit = key('tomb', t), ms(), tonumber(ARGV[9])
  rc('ZREMRANGEBYSCORE', tomb, '-inf', now)
  local mark = tomb_mark(g, c, user)
  if limit > 0 and not rc('ZSCORE', tomb, mark) and rc('ZCARD', tomb) >= limit then return answer('full', g) end
  rc('ZADD', tomb, now + NOTE_MS, mark)
  rc('PEXPIRE', tomb, NOTE_MS)
  return decide('will_stop', g)
end
if (c ~= '' and h.chat ~= c) or not is_for(h, user) then return answer('notfound', '') end
if not is_open(h) then
  forget()
  return decide('already_' .. h.state, g)
end
-- In Cluster the record names no flag, as it lies in another slot: there the worker's word must do.
if reason == 'flag' and h.flag ~= '' and not flagged(h) then return decide('no_flag', g) end

local dropped = {}
if all and h.chat ~= '' then              -- first, so that none of them starts when this one ends
  local behind = h.where ~= 'wait'
  for _, w in ipairs(rc('LRANGE', key('wait', t, h.chat), 0, -1)) do
    local wh = behind and rec_open(t, w)
    if wh then
      over(wh, 'stopped', reason)
      dropped[#dropped + 1] = w
    end
    behind = behind or w == g
  end
end
over(h, 'stopped', reason, {seen = seen, tell = reason ~= 'flag'})
return decide('stopped', g, dropped)
