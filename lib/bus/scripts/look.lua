#!lua flags=no-writes
-- @prelude common.lua turn.lua
-- look: what an operator sees, in one look: lanes, tenants, workers, what runs. Bounded, whatever waits: it sees TENANTS
-- of a lane, USERS of each and RUNS leases.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2 max rows of tenants, workers, queues and running each   3 slots of figures
-- returns {1 {lane, paused 0|1, waiting, oldest wait in ms or -1, ...}, 2 {tenant, queued, running, input, output, ...},
--      3 {worker, "<kind> <slots> <running>", ...}, 4 {tenant, generation, chat, lane, user, model, worker,
--      started_at, first_token_at or '', ...} the longest running first, 5 running, 6 delayed, 7 dead,
--      8 {lane, tenant, waiting, oldest wait in ms or -1, ...} where something waits,
--      9 {tenant, generation, state, chat, lane, model, error (JSON), ended_at, ...} the newest failures whose record is kept,
--      10 {now, begin of a slot (ms since 1970), {name, count, ...}, ...} oldest first, those in which anything was counted}
local max, now, TENANTS, USERS, RUNS = tonumber(ARGV[2]), ms(), 200, 100, 1000
local function of_tenant(lane, t)         -- how many wait, how long the oldest seen does; of many users some stand for all
  local users, waiting, oldest = key('users', lane, t), 0, -1
  local some = rc('LRANGE', users, 0, USERS - 1)
  for i, u in ipairs(some) do
    local q = key('queue', lane, t, u)
    waiting = waiting + rc('LLEN', q)
    local g = i <= 10 and rc('LINDEX', q, 0)
    local at = g and tonumber(rc('HGET', key('gen', t, g), 'created_at') or '')
    if at then oldest = math.max(oldest, now - at) end
  end
  return math.floor(waiting * rc('LLEN', users) / math.max(#some, 1) + 0.5), oldest
end
local queues = {}
local function lane_row(lane)
  local waiting, oldest = 0, -1
  for _, t in ipairs(rc('LRANGE', key('ring', lane), 0, TENANTS - 1)) do
    local n, longest = of_tenant(lane, t)
    waiting, oldest = waiting + n, math.max(oldest, longest)
    if n > 0 and #queues < 4 * max then
      for _, v in ipairs({lane, t, n, longest}) do queues[#queues + 1] = v end
    end
  end
  return waiting, oldest
end
local lanes = {}
for _, lane in ipairs(LANES) do
  local waiting, oldest = lane_row(lane)
  local row = {lane, rc('SISMEMBER', P .. 'paused', lane), waiting, oldest}
  for i = 1, 4 do lanes[#lanes + 1] = row[i] end
end
local counts, names = {}, {}
local n = rc('HGETALL', P .. 'n')
for i = 1, #n, 2 do
  local f, t = n[i]:match('^([qr]):(.*)$')
  if f and not counts[t] then
    counts[t] = {q = '0', r = '0'}
    names[#names + 1] = t
  end
  if f then counts[t][f] = n[i + 1] end
end
table.sort(names)
local tenants = {}
for i = 1, math.min(#names, max) do
  local t = names[i]
  local total = rc('HMGET', key('totals', t), 'input', 'output')
  for _, v in ipairs({t, counts[t].q, counts[t].r, total[1] or '0', total[2] or '0'}) do tenants[#tenants + 1] = v end
end
local workers = {}
for _, w in ipairs(rc('ZRANGEBYSCORE', P .. 'workers', now, '+inf', 'LIMIT', 0, max)) do
  workers[#workers + 1] = w
  workers[#workers + 1] = rc('GET', P .. 'worker:' .. w) or ''
end
local RUN = {'chat', 'lane', 'user', 'model', 'owner', 'started_at', 'first_token_at'}
local runs, running = {}, {}
for _, id in ipairs(rc('ZRANGE', P .. 'leases', 0, RUNS - 1)) do
  local t, g = split(id)
  local v = t and rc('HMGET', key('gen', t, g), unpack(RUN))
  if v and v[1] then runs[#runs + 1] = {t, g, v} end
end
table.sort(runs, function(a, b) return (tonumber(a[3][6]) or 0) < (tonumber(b[3][6]) or 0) end)
for i = 1, math.min(#runs, max) do
  running[#running + 1] = runs[i][1]
  running[#running + 1] = runs[i][2]
  for j = 1, #RUN do running[#running + 1] = runs[i][3][j] or '' end
end
local FAILED = {'state', 'chat', 'lane', 'model', 'error', 'ended_at'}
local failures = {}
for _, id in ipairs(rc('LRANGE', P .. 'failures', 0, FAILURES - 1)) do
  local t, g = split(id)
  local v = t and rc('HMGET', key('gen', t, g), unpack(FAILED))
  if v and v[1] then
    failures[#failures + 1], failures[#failures + 2] = t, g
    for j = 1, #FAILED do failures[#failures + 1] = v[j] or '' end
  end
end
local newest = math.floor(now / SLOT_MS)
local figures = {now}
for slot = newest - math.min(tonumber(ARGV[3]), SLOTS) + 1, newest do
  local counted = rc('HGETALL', figures_key(slot))
  if #counted > 0 then figures[#figures + 1], figures[#figures + 2] = slot * SLOT_MS, counted end
end
return {lanes, tenants, workers, running, rc('ZCARD', P .. 'leases'), rc('ZCARD', P .. 'delayed'), rc('ZCARD', P .. 'dead'),
  queues, failures, figures}
