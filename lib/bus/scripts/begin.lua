#!lua
-- @prelude common.lua turn.lua
-- begin: accept a turn. Safe to send again as it is: the id, then the idempotency key, is looked at
-- before anything changes, so a repeat changes nothing and clears no flag.
-- Order: id seen? key seen? chat exists (mode new)? message to replace there? tombstone? tenant's rates? queue limit? flag and busy
-- policy?
-- Then writes. A dead-on-arrival or refused request disturbs nobody.
-- A turn of a chat that names neither graph nor model runs what the chat says when it starts (choose in turn.lua), in the graph
-- lane of its kind; what was parked by an ask goes to its steps, field `ask`. One that names either drops what is parked.
--
-- KEYS 1 record gen:<tenant>:<generation>   [2 stop flag of the chat; absent in Cluster and without chat]
-- ARGV 1 prefix   2 tenant   3 chat, '' only in mode none   4 generation   5 lane <kind>.<interactive|batch>
--      6 mode new|any|none (none: stateless, reads and commits no chat)   7 if_busy reject|enqueue|interrupt
--      8 hash of the request (route, ids the client named, body)   9 idempotency key or ''
--      10 queue limit of the tenant   11 limit of waiting turns per chat   12 requests that the tenant may begin in a
--      minute (all at once or one after the other)   13 tokens that it may use in a day (UTC)   (all four: 0 = no limit)
--      14.. name, value pairs that go into the record as they are: request restore user_msg title metadata
--           user graph model system replace_from message_id user_message_id on_stop on_interrupt grace keep_log keep_record keep_chat
--           (own 1: asked by this user alone: a chat or an id that is another's is not there for it;
--           grace: ms without a reader before on_disconnect stops it, '0' or absent = continue; grace_if_new 1: that
--           is a default, which counts for a chat without a record only; retention in ms, 0 = for ever)
-- returns {outcome, generation, state, n, chat}; nothing is nil
--      queued    accepted; n = position       waiting   accepted behind the chat's active one; n = position
--                (queued, state failed: what it was to replace went with the turn that it interrupted)
--      stopped   accepted, dead on arrival    replayed  seen before; n = 1 if its log is kept, 0 = gone (state
--      conflict  id or key seen with another hash                    'gone' if not even the record is there)
--      no_message   replace_from is not in the chat
--      notfound  own: it is another's
--      busy      generation = the active one  full      a limit reached    exists   mode new: chat has a record
--      limited   over a rate of the tenant; n = ms until it is worth trying again. What is not accepted costs nothing
local t, c, g, lane, mode, busy = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local hash, idem = ARGV[8], ARGV[9]
local queue_limit, wait_limit = tonumber(ARGV[10]), tonumber(ARGV[11])
local per_minute, per_day = tonumber(ARGV[12]), tonumber(ARGV[13])
local o = pairs_from(14)
local function replay(id, hash_then, h, chat)
  local n = h and (is_open(h) or rc('EXISTS', h.log) == 1) and 1 or 0
  return {hash_then == hash and 'replayed' or 'conflict', id, h and h.state or 'gone', n, chat}
end
local function refuse(outcome, id, state, n) return {outcome, id or g, state or '', n or 0, c} end
local old = rec(t, g)
if o.own == '1' and ((old and not is_for(old, o.user)) or (c ~= '' and (owner(t, c) or o.user) ~= o.user)) then
  return refuse('notfound')
end
if old then return replay(g, old.hash, old, old.chat) end
local ik = key('idem', t, idem)
if idem ~= '' then
  local v = rc('HMGET', ik, 'gen', 'hash', 'chat')
  if v[1] then return replay(v[1], v[2], rec(t, v[1]), v[3]) end
end
if mode == 'new' and rc('EXISTS', key('chat', t, c)) == 1 then return refuse('exists') end
local replaces = o.replace_from or ''
if replaces ~= '' and (mode ~= 'any' or not message_place(key('msgs', t, c), replaces)) then
  return refuse('no_message')
end

local u = userkey(o.user or '')
local h = {key = key('gen', t, g), t = t, g = g, id = t .. ':' .. g, chat = c, mode = mode, lane = lane,
  u = u, user = o.user or '', state = 'queued', where = 'new', epoch = '0', tok = '', shown = '0',
  flag = c ~= '' and KEYS[2] or '', log = key('log', t, g), on_stop = o.on_stop or '',
  message_id = o.message_id or '', user_message_id = o.user_message_id or '', model = o.model or '',
  graph = o.graph or '',
  replace_from = replaces, keep_log = o.keep_log or '', keep_record = o.keep_record or ''}
local grace = tonumber(o.grace or '0') or 0
if o.grace_if_new == '1' and mode ~= 'none' and rc('EXISTS', key('chat', t, c)) == 1 then grace = 0 end
-- The rate of requests is one number: by when all that was accepted would have come at the even rate. A request may be a
-- minute ahead of it. Answers how long to wait, or nil and the number as it is after this request.
local function rated()
  local time = rc('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  if per_day > 0 and tonumber(rc('GET', spent_key(t, now)) or '0') >= per_day then
    return math.ceil(DAY_MS - now % DAY_MS)
  end
  if per_minute == 0 then return nil, nil end
  local due = tonumber(rc('GET', key('rate', t)) or '0')
  due = math.min(math.max(due, now), now + MINUTE_MS) + MINUTE_MS / per_minute
  if due - now > MINUTE_MS + 0.01 then return math.ceil(due - now - MINUTE_MS) end
  return nil, due
end
local due
local function write()
  local now = ms()
  if due then rc('SET', key('rate', t), string.format('%.3f', due), 'PX', math.ceil(math.max(due - now, 1))) end
  rc('HSET', h.key, 'v', 1, unpack(ARGV, 14))
  rc('HSET', h.key, 'chat', c, 'mode', mode, 'lane', lane, 'state', 'queued', 'where', 'wait', 'epoch', 0,
    'tok', '', 'shown', 0, 'crashes', 0, 'flag', h.flag, 'hash', hash, 'created_at', now, 'queued_at', now,
    'grace', grace)
  if idem ~= '' then
    rc('HSET', ik, 'gen', g, 'hash', hash, 'chat', c)
    rc('PEXPIRE', ik, DAY_MS)
  end
end
local user = o.user or ''
local marks, dead = {tomb_mark(g, '', ''), tomb_mark(g, c, ''), tomb_mark(g, '', user), tomb_mark(g, c, user)}, nil
for i, score in ipairs(rc('ZMSCORE', key('tomb', t), unpack(marks))) do
  if score and tonumber(score) > ms() then dead = marks[i] end
end
if dead then                              -- stopped before it was seen
  rc('ZREM', key('tomb', t), dead)
  write()
  over(h, 'stopped', 'user')
  return {'stopped', g, 'stopped', 0, c}
end
local pause
pause, due = rated()
if pause then return refuse('limited', g, '', pause) end
if queue_limit > 0 and tonumber(rc('HGET', P .. 'n', 'q:' .. t) or '0') >= queue_limit then
  return refuse('full')
end
local wait = key('wait', t, c)
local active = c ~= '' and rec_open(t, rc('GET', key('active', t, c))) or nil
if active then
  local f = flagged(active)               -- a stop that came before is due, whatever becomes of this request
  if busy == 'interrupt' then
    over(active, 'stopped', f and 'flag' or 'busy', {take = true})
    active = nil
  elseif f then
    over(active, 'stopped', 'flag')
    active = rec_open(t, rc('GET', key('active', t, c)))   -- a waiting turn may have started
  end
end
if active and busy ~= 'enqueue' then return refuse('busy', active.g, active.state) end
local waiting = active and rc('LLEN', wait) or 0
if not active and c ~= '' then choose(h) end
if active and wait_limit > 0 and waiting >= wait_limit then return refuse('full') end
local position = ahead(h.lane, t, u, rc('LLEN', key('queue', h.lane, t, u))) + waiting
write()
emit(h, 'queued', {message_id = or_null(h.message_id), user_message_id = or_null(h.user_message_id),
  position = position})
h.where = 'wait'
count(t, 1, 0)
rc('ZADD', P .. 'open', ms(), h.id)
if grace > 0 then rc('ZADD', P .. 'watch', ms() + grace, h.id) end
if c ~= '' then
  rc('ZADD', key('gens', t, c), ms(), g)
  rc('PERSIST', key('gens', t, c))
end
if active then
  rc('RPUSH', wait, g)
  return {'waiting', g, 'queued', position, c}
end
if start(h) then return {'queued', g, 'queued', position, c} end
start_waiting(h)                          -- the turn that made room for it took what it was to replace
return {'queued', g, 'failed', 0, c}
