-- turn.lua: second half of the prelude: how a generation starts, leaves its place and ends.
-- Its one invariant: over() is the only way into a terminal state.

-- Errors that no worker was there to report. JSON text, as all errors are in records and events; codes and whether they are
-- retryable as in lib/base/err.def (a unit test compares).
local function failure(code, message, retryable)
  return '{"code":"' .. code .. '","message":"' .. message .. '","retryable":' .. tostring(retryable) .. '}'
end
local ERRORS = {
  worker_lost = failure('worker_lost', 'The worker that ran this generation was lost.', true),
  log_lost = failure('worker_lost', 'The log of this generation was lost.', true),
  crashes = failure('crashes', 'The workers that ran this generation were lost too often.', false),
  conflict = failure('conflict', 'The message that was to be replaced is not in the chat any more.', false),
  queue_timeout = failure('queue_timeout', 'No worker took this generation in time.', true),
}
local USAGE = {                           -- of those whose end comes before any report
  none = '{"input":0,"output":0,"cached":0,"reasoning":0,"source":"none","settled":true}',
  unknown = '{"input":null,"output":null,"cached":null,"reasoning":null,"source":"unknown",'
    .. '"settled":false}',
}

local function unplace(h)                 -- out of whatever holds it: list, delay, wait list, lease
  if h.state == 'running' then
    rc('ZREM', P .. 'leases', h.id)
    count(h.t, 0, -1)
    if rc('EXISTS', h.live) == 1 then rc('RENAME', h.live, h.log) end   -- now the worker is fenced
    for _, lane in ipairs(LANES) do       -- a tenant that was at its cap may go on
      if rc('EXISTS', key('users', lane, h.t)) == 1 then bell(lane) end
    end
    return
  end
  if h.where == 'new' then return end     -- dead on arrival: it never had a place
  count(h.t, -1, 0)
  if h.where == 'queue' then
    rc('LREM', key('queue', h.lane, h.t, h.u), 1, h.g)
    tidy(h.lane, h.t, h.u)
  elseif h.where == 'wait' then rc('LREM', key('wait', h.t, h.chat), 1, h.g)
  elseif h.where == 'delay' then rc('ZREM', P .. 'delayed', h.id) end
end
local FAILURES = 50                       -- the newest of them are listed for operators
local over                                -- below
-- Which graph runs a turn that names neither graph nor model: the one that asked back in its chat and waits for the answer, else
-- that of the chat's last committed turn. Chosen when the turn starts: while another is active, both may change. One that replaces
-- the question, or what is before it, does not answer it.
local function choose(h)
  if h.chosen or h.mode == 'none' or h.graph ~= '' or h.model ~= '' then return end
  h.chosen = true
  local c, ask, msgs = key('chat', h.t, h.chat), key('ask', h.t, h.chat), key('msgs', h.t, h.chat)
  local a = sound(ask, 'hash') and rc('HMGET', ask, 'graph', 'value', 'message_id') or {}
  local function answers()
    if h.replace_from == '' then return true end
    local question, from = message_place(msgs, a[3]), message_place(msgs, h.replace_from)
    return question and from and question < from
  end
  if a[3] and answers() then h.graph, h.parked = a[1], a[2]
  else h.graph = sound(c, 'hash') and rc('HGET', c, 'graph') or '' end
  if h.graph ~= '' then h.lane = 'graph' .. h.lane:match('%..*$') end
end
local function take_graph(h)              -- what is parked stays until the chat has a `done`, or is told another graph or model
  choose(h)
  if not h.chosen then return rc('DEL', key('ask', h.t, h.chat)) end
  if h.graph ~= '' then rc('HSET', h.key, 'graph', h.graph, 'lane', h.lane) end
  if h.parked then rc('HSET', key('steps', h.t, h.g), 'ask', h.parked) end
end
local function activate(h)                -- the chat's one active generation: an older flag is not for it
  if h.chat ~= '' then
    rc('SET', key('active', h.t, h.chat), h.g)
    if h.flag ~= '' then rc('DEL', h.flag) end
    if h.mode ~= 'none' then take_graph(h) end
  end
  place(h)
end
-- Is there nothing (any more) that this turn could replace? While it is active its chat does not change, so it is asked when
-- it starts.
local function is_without_target(h)
  local msgs = key('msgs', h.t, h.chat)
  return h.replace_from ~= '' and not (sound(msgs, 'list') and message_place(msgs, h.replace_from))
end
local function start(h)                   -- true when it has become the active one
  if is_without_target(h) then
    over(h, 'failed', 'conflict')
    return false
  end
  activate(h)
  return true
end
local function start_waiting(h)           -- the first of the chat's waiting turns that can start: true when there is one
  local w = key('wait', h.t, h.chat)
  local g = rc('LPOP', w)
  while g do
    local nx = rec_open(h.t, g)
    if nx and start(nx) then return true end
    g = rc('LPOP', w)
  end
  return false
end

-- The turn enters the chat as a whole. Asked before anything is written: can it?
local function can_commit(h)
  return h.mode ~= 'none' and sound(key('chat', h.t, h.chat), 'hash')
    and sound(key('msgs', h.t, h.chat), 'list') and rc('HEXISTS', h.key, 'user_msg') == 1
    and not is_without_target(h)
end
local function fading_name(t, user, c) return t .. ':' .. userkey(user) .. ':' .. c end
local function commit(h, reply, o)        -- o: the effective graph, model and system, when they are known
  local c, msgs, now = key('chat', h.t, h.chat), key('msgs', h.t, h.chat), ms()
  local at = h.replace_from ~= '' and message_place(msgs, h.replace_from)
  if at == 0 then rc('DEL', msgs) elseif at then rc('LTRIM', msgs, 0, at - 1) end
  local r = rc('HMGET', h.key, 'user_msg', 'title', 'metadata', 'model', 'system')
  local n = rc('RPUSH', msgs, r[1], reply)
  local model, system = o.model or r[4], o.system or r[5]
  rc('HSETNX', c, 'created_at', now)
  local is_first = at == 0 and rc('HGET', c, 'titled') ~= '1'   -- and nobody has given the chat another title
  rc(is_first and 'HSET' or 'HSETNX', c, 'title', r[2] or '')
  rc('HSETNX', c, 'user', h.user)
  if h.mode == 'new' then rc('HSETNX', c, 'metadata', r[3] or '') end
  rc('HSET', c, 'updated_at', now, 'message_count', n)
  local graph = o.graph or h.graph
  if graph ~= '' then rc('HSET', c, 'graph', graph) else rc('HDEL', c, 'graph') end
  if graph == '' and model and model ~= '' then rc('HSET', c, 'model', model) end   -- a graph's are its own
  if o.system or (system and system ~= '') then rc('HSET', c, 'system', system) end
  rc('ZADD', key('chats', h.t), now, h.chat)
  local user = rc('HGET', c, 'user')
  if user ~= '' then rc('ZADD', key('chats', h.t, userkey(user)), now, h.chat) end
  local keep = tonumber(h.keep_chat) or 0
  local fading = P .. 'fading'
  if keep > 0 and keep < FOREVER_MS then rc('ZADD', fading, now + keep, fading_name(h.t, user, h.chat))
  else rc('ZREM', fading, fading_name(h.t, user, h.chat)) end
end

local function park(h, o)                 -- a chat's turn is done: what it asks is what the chat asks now
  local ask = key('ask', h.t, h.chat)
  rc('DEL', ask)
  if not o.parked then return end
  rc('HSET', ask, 'graph', o.graph or h.graph, 'value', o.parked, 'message_id', h.message_id)
  expire(ask, tonumber(o.parked_ms))
end

-- The text shown so far, up to the seq that the reader has seen ('' = all); and the model that said
-- it. Parts stand in the order of their number; a reset voids what came after its `after`.
local function shown_text(h, seen)
  local log, got, model = h.state == 'running' and h.live or h.log, {}, nil
  local last = sound(log, 'list') and rc('LLEN', log) or 0
  if seen:match('^%d+$') then last = math.min(last, tonumber(seen)) end
  for from = 0, last - 1, 1000 do
    for _, bytes in ipairs(rc('LRANGE', log, from, math.min(from + 1000, last) - 1)) do
      local ok, e = pcall(cmsgpack.unpack, bytes)
      if ok and type(e) == 'table' then
        if e[2] == KIND.delta then got[#got + 1] = e
        elseif e[2] == KIND.started then model = e[4].model
        elseif e[2] == KIND.reset then
          while #got > 0 and got[#got][1] > e[4].after do got[#got] = nil end
        end
      end
    end
  end
  local parts, order, text = {}, {}, {}
  for _, e in ipairs(got) do
    local p = parts[e[3]]
    if not p then p = {}; parts[e[3]] = p; order[#order + 1] = e[3] end
    p[#p + 1] = e[4]
  end
  table.sort(order)
  for i, p in ipairs(order) do text[i] = table.concat(parts[p]) end
  return table.concat(text, '\n\n'), model
end
local function partial_reply(h, seen, usage)   -- the message that `keep` commits, nil if it is empty
  local text, model = shown_text(h, seen)
  if text == '' then return nil end
  return cmsgpack.pack({v = 1, id = h.message_id, role = 'assistant', content = text,
    created_at = ms(), generation_id = h.g, model = model, usage = usage, stopped = true})
end

-- The tenant's totals get each figure once: what the record has counted already is taken off.
local function tally(h, usage)
  local ok, u = pcall(cjson.decode, usage)
  if not ok or type(u) ~= 'table' then return end
  local more = 0
  for _, f in ipairs({'input', 'output'}) do
    local n = u[f]
    local had = type(n) == 'number' and tonumber(rc('HGET', h.key, 'counted_' .. f) or '0')
    if had and n >= 0 and n < 2 ^ 53 and n ~= had then
      n = math.floor(n)
      rc('HINCRBY', key('totals', h.t), f, n - had)
      rc('HSET', h.key, 'counted_' .. f, n)
      more = more + n - had
    end
  end
  if more == 0 then return end
  local spent = spent_key(h.t, ms())
  rc('INCRBY', spent, more)
  rc('PEXPIRE', spent, 2 * DAY_MS)
end

-- How each end looks as an event: the fields of design/http.md but those that every event has.
local function or_null(v) return v and v ~= '' and v or null end
local END = {
  done = function(h, e)
    return {message_id = or_null(h.message_id), user_message_id = or_null(h.user_message_id),
      finish_reason = or_null(e.finish_reason), model = or_null(e.model), usage = e.usage,
      resume = e.resume}
  end,
  stopped = function(h, e)
    return {reason = e.reason, restore = e.restore, committed = e.committed, usage = e.usage,
      message_id = e.committed and or_null(h.message_id) or nil}
  end,
  failed = function(_, e)
    return {error = or_null(e.error), restore = e.restore, resumable = e.resumable, usage = e.usage}
  end,
}
END.interrupted = END.failed

local function note_end(h, state, reason) -- for operators
  figure('ended:' .. state, 1)
  if state ~= 'failed' and state ~= 'interrupted' then return end
  if reason ~= '' then figure('code:' .. reason, 1) end
  redis.pcall('LPUSH', P .. 'failures', h.id)
  redis.pcall('LTRIM', P .. 'failures', 0, FAILURES - 1)
end

-- The only way into a terminal state. o, all optional: reply, error, usage, source, finish_reason,
-- graph, model, system, output, resume, parked, parked_ms, resumable; seen (of a stop); take = the caller starts the next turn
-- itself; tell = set the flag for other services; own = the worker itself ends it, no wake-up.
function over(h, state, reason, o)
  o = o or {}
  local usage, source = o.usage, o.source
  if not usage or not source then
    source = h.epoch == '0' and 'none' or 'unknown'
    usage = USAGE[source]
  end
  local reply = o.reply
  if state == 'stopped' and h.on_stop ~= 'discard' and h.on_stop ~= '' and can_commit(h) then
    reply = partial_reply(h, h.on_stop == 'keep_seen' and o.seen or '', usage)
  end
  local err, committed = o.error or ERRORS[reason], reply ~= nil
  local model = o.model or h.model
  local restore = not committed and rc('HGET', h.key, 'restore') or null
  local resumable = state == 'interrupted' and o.resumable ~= '0' and h.shown == '1'
  unplace(h)
  if not sound(h.log, 'list') then rc('DEL', h.log) end
  if committed then commit(h, reply, o) end
  if committed and state == 'done' then park(h, o) end
  local seq = emit(h, state, END[state](h, {reason = reason, restore = restore, error = err,
    committed = committed, usage = usage, resumable = resumable, finish_reason = o.finish_reason,
    model = model, resume = o.resume}))
  if h.state == 'running' and not o.own then -- behind the event: Redis writes to the one whom it told last first
    rc('PUBLISH', P .. 'control', h.t .. ' ' .. h.g .. ' ' .. h.tok)
  end
  rc('HSET', h.key, 'state', state, 'where', '', 'reason', reason, 'committed', committed and 1 or 0,
    'seq', seq, 'ended_at', ms(), 'usage', usage, 'usrc', source, 'error', err or '',
    'resumable', resumable and 1 or 0, 'finish_reason', o.finish_reason or '', 'model', model,
    'output', o.output or '')
  tally(h, usage)
  note_end(h, state, ERRORS[reason] and ERRORS[reason]:match('"code":"([%w_]+)"') or reason)
  local keep_log = tonumber(h.keep_log) or 10 * NOTE_MS
  local keep_record = tonumber(h.keep_record) or DAY_MS
  expire(h.key, keep_record)
  expire(h.log, keep_log)
  expire(key('steps', h.t, h.g), keep_log)
  rc('ZREM', P .. 'watch', h.id)
  rc('ZREM', P .. 'open', h.id)
  if h.chat == '' then return end
  local gens = key('gens', h.t, h.chat)
  if keep_record > 0 then rc('ZREMRANGEBYSCORE', gens, '-inf', ms() - keep_record) end
  rc('ZADD', gens, ms(), h.g)
  expire(gens, keep_record)
  -- One that was waiting or never began: the chat, its flag and its active one are not touched.
  if rc('GET', key('active', h.t, h.chat)) ~= h.g then return end
  rc('DEL', key('active', h.t, h.chat))
  rc('SET', key('last', h.t, h.chat), h.g)
  expire(key('last', h.t, h.chat), keep_log)
  if h.flag ~= '' then rc('DEL', h.flag) end
  if o.take then return end
  if not start_waiting(h) and o.tell and h.state == 'running' and h.flag ~= '' then
    rc('SET', h.flag, '1', 'EX', FLAG_S)
  end
end
