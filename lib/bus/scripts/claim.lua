#!lua
-- @prelude common.lua turn.lua
-- claim: take one generation of a kind: turn the ring of tenants, then that of its users, pop, epoch + 1,
-- token, lease, rename of the log, all in one step. The token "<epoch>.<nonce>" is the fence; the nonce makes
-- it new even when a Redis restart lost the last claim and the epoch's number comes again.
-- A paused lane is passed by. Every 8th successful claim of a kind asks the batch lane first. A queued one whose flag is set ends as stopped.
-- Send again with the same nonce: the same answer or nothing, never a second generation.
--
-- KEYS 1 ring:<kind>.interactive
-- ARGV 1 prefix   2 kind stream|graph   3 worker   4 nonce [A-Za-z0-9_-], never reused   5 lease ms
--      6 running cap of a tenant (0 = none)   7.. tenant, cap pairs for those with another cap
-- returns nil: nothing to do · 1: ask again at once (stale entries were cleared, or more tenants than one look) · or
--      {1 tenant, 2 generation, 3 token, 4 seq (the log's length), 5 epoch, 6 shown 0|1, 7 crashes, 8 attempt,
--       9 chat, 10 flag key or '', 11 mode, 12 lane, 13 on_stop, 14 on_interrupt, 15 user, 16 message_id,
--       17 user_message_id, 18 created_at (ms), 19 request, 20 user_msg, 21 the chat's model, 22 the chat's system,
--       23 graph}
--      strings but for seq; 8, 21, 22 and 23 are '' when there is none
local kind, worker, nonce = ARGV[2], ARGV[3], ARGV[4]
local lease, cap, caps = tonumber(ARGV[5]), tonumber(ARGV[6]), pairs_from(7)
local ck, LOOK = key('claim', worker, nonce), 64
local function answer(h)
  local r = rc('HMGET', h.key, 'attempt', 'created_at', 'request', 'user_msg')
  local chat = key('chat', h.t, h.chat)
  local c = h.mode ~= 'none' and sound(chat, 'hash') and rc('HMGET', chat, 'model', 'system') or {}
  return {h.t, h.g, h.tok, rc('LLEN', h.live), h.epoch, h.shown, h.crashes, r[1] or '', h.chat, h.flag,
    h.mode, h.lane, h.on_stop, h.on_interrupt, h.user, h.message_id, h.user_message_id, r[2] or '',
    r[3] or '', r[4] or '', c[1] or '', c[2] or '', h.graph}
end
local did = rc('GET', ck)
if did then
  local h = rec(split(did))
  if h and h.state == 'running' and h.tok == h.epoch .. '.' .. nonce then return answer(h) end
  return false
end
local function run(h)
  local now = ms()
  h.epoch = tostring(tonumber(h.epoch) + 1)
  h.tok = h.epoch .. '.' .. nonce
  h.live = key('live', h.t, h.g, h.tok)
  if not sound(h.log, 'list') then rc('DEL', h.log) end
  if rc('EXISTS', h.log) == 0 then emit(h, 'queued', {position = 0}) end   -- lost with a Redis restart
  rc('RENAME', h.log, h.live)
  rc('HSET', h.key, 'state', 'running', 'where', '', 'epoch', h.epoch, 'tok', h.tok, 'owner', worker)
  rc('HSETNX', h.key, 'started_at', now)
  rc('ZADD', P .. 'leases', now + lease, h.id)
  count(h.t, -1, 1)
  rc('SET', ck, h.id, 'PX', lease)
  rc('INCR', key('turns', kind))
  return h
end
local more = false
local function look(lane)                 -- at the lane's tenants, each once
  if rc('SISMEMBER', P .. 'paused', lane) == 1 then return end
  local ring = key('ring', lane)
  local n = rc('LLEN', ring)
  if n > LOOK then more = true end
  for _ = 1, math.min(n, LOOK) do
    local t = rc('LMOVE', ring, ring, 'LEFT', 'RIGHT')
    if not t then break end
    local most = tonumber(caps[t] or cap)
    if most == 0 or tonumber(rc('HGET', P .. 'n', 'r:' .. t) or '0') < most then
      local users = key('users', lane, t)
      local u = rc('LMOVE', users, users, 'LEFT', 'RIGHT')
      local g = u and rc('LPOP', key('queue', lane, t, u))
      tidy(lane, t, u or '-')
      local h = g and rec(t, g)
      if h and h.state == 'queued' and h.where == 'queue' then
        if flagged(h) then over(h, 'stopped', 'flag')   -- begin cleared old flags: this one is for this turn
        else return run(h) end
      end
      more = true
    end
  end
end
local batch_first = tonumber(rc('GET', key('turns', kind)) or '0') % 8 == 7
local first, second = kind .. '.interactive', kind .. '.batch'
if batch_first then first, second = second, first end
local h = look(first) or look(second)
if h then return answer(h) end
return more and 1 or false
