#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- sweep: every 10 s, by whoever reaps, one of them at a time. `open` holds every generation that is not over; each must
-- have exactly one home (list, wait list, delay, lease). Puts right what a bug, an operator, a lost tail or a script that
-- broke half way left behind, ends queued ones (not those waiting behind another) whose flag is set or that no worker
-- took in time, and after the last page removes chats whose time is over and counts the counters anew. Of a good state
-- it changes nothing.
--
-- KEYS 1 open   ARGV 1 prefix   2 offset (0, then what the last call answered)   3 limit
--      4 queue timeout of the interactive lanes in ms   5 of the batch lanes   6 gap ms: one that begins so soon after
--      another's page does nothing (0: it does)
-- returns {next offset (0: all seen), "<tenant>:<generation or chat> <what was done>", ...}
local from, limit, now, out = tonumber(ARGV[2]), tonumber(ARGV[3]), ms(), {}
local gap = tonumber(ARGV[6])
if from == 0 and gap > 0 and rc('EXISTS', P .. 'swept') == 1 then return {0} end
if gap > 0 then rc('SET', P .. 'swept', now, 'PX', gap) end
local RECOUNT = 10000                     -- above this many open ones the counters are left as they are
local LONG = 2000                         -- a list with more in it is taken on trust until it is shorter
local page = rc('ZRANGE', P .. 'open', from, from + limit - 1)
local lists = {}
local function listed(k, m)               -- is m in list k? Each list is read once per call
  if not lists[k] then
    if not sound(k, 'list') then rc('DEL', k) end
    local is_long = rc('LLEN', k) > LONG
    lists[k] = {is_long = is_long}
    for _, v in ipairs(is_long and {} or rc('LRANGE', k, 0, -1)) do lists[k][':' .. v] = true end
  end
  return lists[k].is_long or lists[k][':' .. m]
end
local function note(k, m)                 -- it is in there now
  if lists[k] then lists[k][':' .. m] = true end
end
local function forget() lists = {} end    -- an end may have started others, in lists that were read before
local function finish(h, ...)
  over(h, ...)
  forget()
end
local function queue_timeout(h)
  local max = tonumber(h.lane:match('%.batch$') and ARGV[5] or ARGV[4])
  return now - (tonumber(h.queued_at) or 0) > max
end
local function queued(h)                  -- in its user's list or in the delay
  if flagged(h) then
    finish(h, 'stopped', 'flag')
    return 'flag'
  end
  if h.where == 'delay' then
    if rc('ZSCORE', P .. 'delayed', h.id) then return end
    place(h, true)
    return 'not in delayed'
  end
  if queue_timeout(h) then
    finish(h, 'failed', 'queue_timeout')
    return 'queue timeout'
  end
  local users, ring = key('users', h.lane, h.t), key('ring', h.lane)
  if not listed(key('queue', h.lane, h.t, h.u), h.g) then
    place(h, true)
    note(users, h.u)
    note(ring, h.t)
    return 'not in the queue'
  end
  local fix
  if not listed(users, h.u) then
    rc('RPUSH', users, h.u)
    note(users, h.u)
    fix = 'not in the users'
  end
  if not listed(ring, h.t) then
    rc('RPUSH', ring, h.t)
    note(ring, h.t)
    fix = 'not in the ring'
  end
  if fix then bell(h.lane) end
  return fix
end
local function waiting(h)
  local w = key('wait', h.t, h.chat)
  if not rec_open(h.t, rc('GET', key('active', h.t, h.chat))) then
    if listed(w, h.g) then rc('LREM', w, 0, h.g) end
    forget()
    return start(h) and 'nobody before it' or 'nothing to replace'
  end
  if listed(w, h.g) then return end
  rc('RPUSH', w, h.g)
  return 'not in its list'
end
local function running(h)
  if not sound(h.live, 'list') then rc('DEL', h.live) end
  if rc('EXISTS', h.live) == 0 then
    finish(h, 'interrupted', 'log_lost', {resumable = '0'})
    return 'no log'
  end
  if rc('ZSCORE', P .. 'leases', h.id) then return end
  rc('ZADD', P .. 'leases', now, h.id)
  return 'no lease'
end
for _, id in ipairs(page) do
  local t, g = split(id)
  local h, fix = t and rec_open(t, g), nil
  if not h then
    rc('ZREM', P .. 'open', id)
    fix = 'not open'
  elseif h.state == 'running' then fix = running(h)
  elseif h.where == 'wait' then fix = waiting(h)
  else fix = queued(h) end
  if h and h.chat ~= '' and h.where ~= 'wait' and rc('ZSCORE', P .. 'open', id) then
    if rc('SETNX', key('active', t, h.chat), g) == 1 then fix = fix or 'not active' end
  end
  if fix then out[#out + 1] = id .. ' ' .. fix end
end
if #page == limit then return {from + limit, unpack(out)} end
local function fade(id)                   -- a chat's last commit was long ago; not under a turn that is at work
  local t, u, c = id:match('^([^:]*):([^:]*):(.*)$')
  if not c then return rc('ZREM', P .. 'fading', id) end
  if rc('EXISTS', key('active', t, c)) == 1 then return rc('ZADD', P .. 'fading', now + MINUTE_MS, id) end
  rc('ZREM', P .. 'fading', id)
  rc('UNLINK', key('chat', t, c), key('msgs', t, c), key('ask', t, c))
  rc('ZREM', key('chats', t), c)
  rc('ZREM', key('chats', t, u), c)
  out[#out + 1] = t .. ':' .. c .. ' faded'
end
for _, id in ipairs(rc('ZRANGEBYSCORE', P .. 'fading', '-inf', now, 'LIMIT', 0, limit)) do fade(id) end
if rc('ZCARD', P .. 'open') <= RECOUNT then
  local n = {}
  for _, id in ipairs(rc('ZRANGE', P .. 'open', 0, -1)) do
    local f = (rc('ZSCORE', P .. 'leases', id) and 'r:' or 'q:') .. split(id)
    n[f] = (n[f] or 0) + 1
  end
  rc('DEL', P .. 'n')
  for f, v in pairs(n) do rc('HSET', P .. 'n', f, v) end
end
return {0, unpack(out)}
