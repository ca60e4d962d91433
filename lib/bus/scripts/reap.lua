#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- reap: every second, by every worker and API process; any number at once. Looks at expired leases, delayed ones that
-- are due and generations whose last reader's lease ended, at most `limit` of each.
-- When nobody has reaped for longer than `gap`, or the last look lies in the future (Redis was away, all were down, the
-- clock jumped), it renews every lease once instead: the owners could not renew either, and must get the chance.
--
-- KEYS 1 leases   ARGV 1 prefix   2 lease ms   3 crashes that park it   4 gap ms   5 limit   6 keep.dead ms
-- returns {"<tenant>:<generation> <fate>", ...}, fate: requeued interrupted dead stopped due stray; or {"grace"}
local now, lease, most, limit, out = ms(), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5]), {}
local last = tonumber(rc('GET', P .. 'tick') or '0')
rc('SET', P .. 'tick', now)
if math.abs(now - last) > tonumber(ARGV[4]) then
  for _, k in ipairs({'leases', 'watch'}) do
    for _, id in ipairs(rc('ZRANGE', P .. k, 0, -1)) do rc('ZADD', P .. k, 'GT', now + lease, id) end
  end
  return {'grace'}
end
local function due(k, fate)
  for _, id in ipairs(rc('ZRANGEBYSCORE', P .. k, '-inf', now, 'LIMIT', 0, limit)) do
    local h = rec_open(split(id))
    rc('ZREM', P .. k, id)
    if h then out[#out + 1] = id .. ' ' .. fate(h) end
  end
end
local function park(h)                    -- nothing it does will end well: kept as evidence
  over(h, h.shown == '1' and 'interrupted' or 'failed', 'crashes')
  local keep = tonumber(ARGV[6])
  rc('PEXPIRE', h.key, keep, 'GT')
  rc('PEXPIRE', h.log, keep, 'GT')
  rc('ZADD', P .. 'dead', now, h.id)
  rc('ZREMRANGEBYSCORE', P .. 'dead', '-inf', now - keep)
  rc('ZREMRANGEBYRANK', P .. 'dead', 0, -1001)
  return 'dead'
end
due('leases', function(h)
  if h.state ~= 'running' then return 'stray' end
  if flagged(h) then
    over(h, 'stopped', 'flag')
    return 'stopped'
  end
  if h.shown == '1' and h.on_interrupt ~= 'continue' and h.on_interrupt ~= 'restart' then
    over(h, 'interrupted', 'worker_lost')
    return 'interrupted'
  end
  if rc('HINCRBY', h.key, 'crashes', 1) >= most then return park(h) end
  unplace(h)
  count(h.t, 1, 0)
  place(h, true)
  return 'requeued'
end)
due('delayed', function(h)
  if h.where ~= 'delay' then return 'stray' end
  place(h, true)
  return 'due'
end)
due('watch', function(h)
  over(h, 'stopped', 'disconnect')
  return 'stopped'
end)
return out
