-- common.lua, then turn.lua: the prelude that the build puts in front of every script that names
-- them in its line `-- @prelude`. It owns the names of keys, the record's short form and the queue.
-- ARGV[1] of such a script is the shard's prefix "sluice:{sNN}:"; a tenant has no colon, so
-- "<tenant>:<id>" splits in one way only. The rule of all scripts: read, decode and check first,
-- write last, because a script that fails half way is not rolled back.
local P, rc, null = ARGV[1], redis.call, cjson.null   -- cmsgpack packs cjson.null as nil
local FLAG_S, NOTE_MS, MINUTE_MS, DAY_MS, FOREVER_MS = 60, 60000, 60000, 86400000, 1e15

-- Key names, all of them; the C side spells those that it needs in lib/bus/keys.c:
--   gen log steps <t> <g> · live <t> <g> <token> · active last wait ask chat msgs gens <t> <chat>
--   queue <lane> <t> <u> · users <lane> <t> · ring bell <lane> · chats <t> [<u>] · totals tomb <t>
--   idem <t> <key> · stopreq <t> <request token> · claim <worker> <nonce> · turns <kind> ·
--   places wanted <model> · rate <t> · spent <t> <day> · worker <name> · graph <version> · figures <slot>
--   and without parts: leases open delayed watch dead failures n tick control paused fading workers swept graphs
-- <u> is the SHA-1 of the user in hex, or "-" for none. Channels: events <t> <g>, control, places.
local function key(kind, a, b, c)
  local k = P .. kind
  if a then k = k .. ':' .. a end
  if b then k = k .. ':' .. b end
  if c then k = k .. ':' .. c end
  return k
end
local LANES = {'stream.interactive', 'stream.batch', 'graph.interactive', 'graph.batch'}
local KIND = {queued = 1, started = 2, delta = 3, reset = 11, done = 12, stopped = 13, failed = 14,
  interrupted = 15}                       -- as in lib/wire/kinds.def

local now_ms                              -- a script is one moment
local function ms()
  if not now_ms then
    local t = rc('TIME')
    now_ms = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return now_ms
end
local function userkey(user) return user == '' and '-' or redis.sha1hex(user) end
local function pairs_from(i)              -- ARGV[i..] as name, value, name, value
  local o = {}
  for j = i, #ARGV - 1, 2 do o[ARGV[j]] = ARGV[j + 1] end
  return o
end
local function sound(k, kind)             -- nothing there, or of the type that we expect
  local t = rc('TYPE', k).ok
  return t == 'none' or t == kind
end
local function spent_key(t, now)          -- counts a tenant's tokens of one day (UTC)
  return key('spent', t, string.format('%d', math.floor(now / DAY_MS)))
end
-- The place (from 0) of a message in its chat's list; nil when it is not there. The newest are asked for most, and what
-- does not hold the id's bytes is not decoded.
local function message_place(msgs, id)
  for to = rc('LLEN', msgs), 1, -100 do
    local from = math.max(to - 100, 0)
    local part = rc('LRANGE', msgs, from, to - 1)
    for i = #part, 1, -1 do
      local ok, m = false, nil
      if part[i]:find(id, 1, true) then ok, m = pcall(cmsgpack.unpack, part[i]) end
      if ok and type(m) == 'table' and m.id == id then return from + i - 1 end
    end
  end
end

-- The record without its big fields; nil when there is none. Absent fields read as ''.
local FIELDS = {'state', 'chat', 'mode', 'lane', 'user', 'where', 'epoch', 'tok', 'shown',
  'crashes', 'flag', 'hash', 'reason', 'on_stop', 'on_interrupt', 'message_id', 'user_message_id',
  'keep_log', 'keep_record', 'queued_at', 'usage', 'usrc', 'model', 'graph', 'replace_from',
  'keep_chat'}
local function rec(t, g)
  local k = key('gen', t, g)
  local v, h = rc('HMGET', k, unpack(FIELDS)), {key = k, t = t, g = g, id = t .. ':' .. g}
  if not v[1] then return nil end
  for i, f in ipairs(FIELDS) do h[f] = v[i] or '' end
  h.u, h.log, h.live = userkey(h.user), key('log', t, g), key('live', t, g, h.tok)
  return h
end
local function is_open(h) return h and (h.state == 'queued' or h.state == 'running') end
local function rec_open(t, g)             -- the record if it is not over
  local h = g and rec(t, g)
  return is_open(h) and h or nil
end
-- Whose a chat is: its user, '' when it has none; nil when nothing is known of it. Before its record is made, it is whose the
-- active generation is. And what may be told to one user ('' = to all of the tenant): what is its own or in its chat.
local function owner(t, c)
  local user = rc('HGET', key('chat', t, c), 'user')
  if user then return user end
  local h = rec(t, rc('GET', key('active', t, c)) or '')
  return h and h.user
end
local function is_for(h, user)
  return user == '' or h.user == user or (h.chat ~= '' and rc('HGET', key('chat', h.t, h.chat), 'user') == user)
end
-- The mark of a stop that came before its generation: for that id, in that chat only, of that user only ('' = any).
local function tomb_mark(g, c, user)
  return g .. (c ~= '' and '@' .. c or '') .. (user ~= '' and ' ' .. userkey(user) or '')
end
local function split(id)                  -- "<tenant>:<generation>"
  return id:match('^([^:]*):(.*)$')
end
local function flagged(h) return h.flag ~= '' and rc('EXISTS', h.flag) == 1 end

local function count(t, queued, running)
  if queued ~= 0 then rc('HINCRBY', P .. 'n', 'q:' .. t, queued) end
  if running ~= 0 then rc('HINCRBY', P .. 'n', 'r:' .. t, running) end
end
-- What operators look at: counts of all processes, in slots of some seconds that are kept for some minutes. No end fails by it.
local SLOT_MS, SLOTS = 5000, 180
local function figures_key(slot) return key('figures', string.format('%d', slot)) end
local function figure(name, n)
  local k = figures_key(math.floor(ms() / SLOT_MS))
  redis.pcall('HINCRBY', k, name, n)
  redis.pcall('PEXPIRE', k, (SLOTS + 1) * SLOT_MS)
end
local function expire(k, after)           -- 0 or more than any calendar holds: kept for ever
  if after > 0 and after < FOREVER_MS then rc('PEXPIRE', k, after) end
end
local function emit(h, kind, map)         -- queued or ended: the log lies under log:
  local seq = rc('LLEN', h.log) + 1
  local e = cmsgpack.pack({seq, KIND[kind], ms(), map})
  rc('RPUSH', h.log, e)
  rc('PUBLISH', key('events', h.t, h.g), e)
  return seq
end

-- The queue of a lane: a ring of tenants with work, in each a ring of users with work, in each a
-- list of generations. A ring holds a name exactly while there is something below it.
local function bell(lane)
  rc('LPUSH', key('bell', lane), '1')
  rc('LTRIM', key('bell', lane), 0, 63)
end
local function place(h, front)            -- into its user's list, there and in new rings in front?
  local push = front and 'LPUSH' or 'RPUSH'
  if rc(push, key('queue', h.lane, h.t, h.u), h.g) == 1
    and rc(push, key('users', h.lane, h.t), h.u) == 1 then
    rc(push, key('ring', h.lane), h.t)
  end
  rc('HSET', h.key, 'state', 'queued', 'where', 'queue', 'queued_at', ms())
  bell(h.lane)
end
local function tidy(lane, t, u)           -- something left u's list: out of the rings if it is empty
  if rc('EXISTS', key('queue', lane, t, u)) == 1 then return end
  rc('LREM', key('users', lane, t), -1, u)    -- a claim has just turned it to the end
  if rc('EXISTS', key('users', lane, t)) == 0 then rc('LREM', key('ring', lane), -1, t) end
end
-- How many of the tenant's are taken before the one that has i others before it in its own list: users take turns, and
-- one that is not in the ring yet comes last. Of very many users some stand for all.
local function ahead(lane, t, u, i)
  local users = key('users', lane, t)
  local all, SOME, FAR = rc('LLEN', users), 128, 5000
  local mine = rc('LPOS', users, u, 'MAXLEN', FAR) or all
  local function taken(from, n, most)     -- by n users of the ring, each at most so often
    if n <= 0 or most < 2 then return math.max(n, 0) * most end   -- nobody in the ring has nothing
    local sum, some = 0, rc('LRANGE', users, from, from + math.min(n, SOME) - 1)
    for _, v in ipairs(some) do sum = sum + math.min(most, rc('LLEN', key('queue', lane, t, v))) end
    return math.floor(sum * n / #some + 0.5)
  end
  return i + taken(0, mine, i + 1) + taken(mine + 1, all - mine - 1, i)
end
