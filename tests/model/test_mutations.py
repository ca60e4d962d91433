"""Each deliberate mistake in the scripts must be noticed by the random check within a bounded number of operations.

SLUICE_MUTATION_OPS sets the bound per mutation (default 15,000; most fall within 200).
"""
import os

import pytest
import redis

from compare import Mismatch
from driver import Driver
from scripts import Scripts, assemble

OPS = int(os.environ.get('SLUICE_MUTATION_OPS', '15000'))
MUTATIONS = [
    # append and checkpoint: the fence, the flag, the seq
    ('append.lua', "if flag and call('EXISTS', flag) == 1 then return -1 end", ''),
    ('append.lua', "call('RPUSHX', live, events[from])", "call('RPUSH', live, events[from])"),
    ('append.lua', "call('RPOP', live, k)", ''),
    ('append.lua', "for i = from, to do", "for i = from + 1, to do"),
    ('append.lua', "call('HSET', record, 'shown', 1)", ''),
    ('checkpoint.lua', "call('HSET', KEYS[2], 'shown', ARGV[3])", ''),
    # begin: its order, and what a repeat may touch
    ('begin.lua', "if old then return replay(g, old.hash, old, old.chat) end", ''),
    ('begin.lua', "if v[1] then return replay(v[1], v[2], rec(t, v[1]), v[3]) end", ''),
    ('begin.lua', "if dead then", "if false then"),
    ('begin.lua', "tomb_mark(g, c, user)}, nil", "tomb_mark(g, c, '')}, nil"),
    ('begin.lua', "(old and not is_for(old, o.user))", "false"),
    ('begin.lua', "(c ~= '' and (owner(t, c) or o.user) ~= o.user)", "false"),
    ('common.lua', "or h.user == user or", "or"),
    ('common.lua', "return h and h.user\n", "return nil\n"),
    ('whose.lua', "(only == '' or h.chat == only)", "true"),
    ('whose.lua', "if only ~= '' and c ~= only then return -1 end", ''),
    ('begin.lua', ">= queue_limit", "> queue_limit"),
    ('begin.lua', "over(active, 'stopped', f and 'flag' or 'busy', {take = true})", "over(active, 'stopped', 'busy')"),
    ('begin.lua', "if o.grace_if_new == '1'", "if false"),
    ('begin.lua', "elseif f then", "elseif false then"),
    ('begin.lua', "if start(h) then return", "place(h)\nif true then return"),
    # begin: rates
    ('begin.lua', "if pause then return", "if false then return"),
    ('begin.lua', ">= per_day", "> per_day"),
    ('begin.lua', "if due then rc('SET'", "if false then rc('SET'"),
    ('begin.lua', "if due - now > MINUTE_MS + 0.01", "if due - now > MINUTE_MS + 20000"),
    ('turn.lua', "rc('INCRBY', spent, more)", "rc('INCRBY', spent, 1)"),
    ('begin.lua', "(mode ~= 'any' or not message_place", "(mode ~= 'any' or false and message_place"),
    # claim: turns, caps, token
    ('claim.lua', "if did then", "if false then"),
    ('claim.lua', "if flagged(h) then over(h, 'stopped', 'flag')", "if false then"),
    ('claim.lua', "% 8 == 7", "% 8 == 8"),
    ('claim.lua', "rc('LMOVE', users, users, 'LEFT', 'RIGHT')", "rc('LINDEX', users, 0)"),
    ('claim.lua', "caps[t] or cap", "cap"),
    ('claim.lua', "h.epoch .. '.' .. nonce\n  h.live", "h.epoch\n  h.live"),
    # the queue
    ('common.lua', "local push = front and 'LPUSH' or 'RPUSH'", "local push = 'RPUSH'"),
    ('common.lua', "taken(0, mine, i + 1)", "taken(0, mine, i)"),
    ('common.lua', "rc('LREM', key('ring', lane), -1, t)", ''),
    # the end
    ('turn.lua', "rc('RENAME', h.live, h.log)", ''),
    ('turn.lua', "if rc('GET', key('active', h.t, h.chat)) ~= h.g then return end", ''),
    ('turn.lua', "  if h.flag ~= '' then rc('DEL', h.flag) end\n  if o.take", "  if o.take"),
    ('turn.lua', "    if h.flag ~= '' then rc('DEL', h.flag) end\n    if h.mode", "    if h.mode"),
    ('turn.lua', "o.tell and h.state == 'running' and h.flag ~= ''", "o.tell and h.flag ~= ''"),
    ('turn.lua', "if not start_waiting(h) and o.tell", "start_waiting(h)\n  if o.tell"),
    ('turn.lua', "while #got > 0 and got[#got][1] > e[4].after", "while #got > 0"),
    ('turn.lua', "if text == '' then return nil end", ''),
    ('turn.lua', "last = math.min(last, tonumber(seen))", ''),
    ('turn.lua', "table.sort(order)", ''),
    ('turn.lua', "rc('HSET', h.key, 'counted_' .. f, n)", ''),
    ('turn.lua', "if h.state == 'running' and not o.own then", "if false then"),
    ('turn.lua', "count(h.t, 0, -1)", ''),
    ('turn.lua', "if nx and start(nx) then return true end", "if nx then return start(nx) end"),
    # turns that replace
    ('turn.lua', "rc('LTRIM', msgs, 0, at - 1)", "rc('LTRIM', msgs, 0, at)"),
    ('turn.lua', "if at == 0 then rc('DEL', msgs)", "if at == 0 then"),
    ('turn.lua', "if is_without_target(h) then", "if false then"),
    ('turn.lua', "local is_first = at == 0", "local is_first = at"),
    ('common.lua', "return from + i - 1", "return from + i"),
    # graphs: which one a turn runs, what is parked
    ('turn.lua', "or h.graph ~= '' or h.model ~= '' then return end", "or h.graph ~= '' then return end"),
    ('turn.lua', "question < from", "true"),
    ('turn.lua', "if not h.chosen then return rc('DEL', key('ask', h.t, h.chat)) end", "if not h.chosen then return end"),
    ('turn.lua', "rc('HSET', h.key, 'graph', h.graph, 'lane', h.lane)", "rc('HSET', h.key, 'graph', h.graph)"),
    ('turn.lua', "if h.parked then rc('HSET'", "if false then rc('HSET'"),
    ('turn.lua', "if h.mode ~= 'none' then take_graph(h) end", "take_graph(h)"),
    ('turn.lua', "  rc('DEL', ask)\n", ''),
    ('turn.lua', "  expire(ask, tonumber(o.parked_ms))\n", ''),
    ('turn.lua', "if committed and state == 'done' then park(h, o) end", "if committed then park(h, o) end"),
    ('turn.lua', "else rc('HDEL', c, 'graph') end", "end"),
    ('turn.lua', "if graph == '' and model and", "if model and"),
    ('begin.lua', "if not active and c ~= '' then choose(h) end", ''),
    ('claim.lua', "c[2] or '', h.graph}", "c[2] or '', ''}"),
    ('stop.lua', "if is_there then forget() end", ''),
    ('stop.lua', "  forget()\n  return decide('already_'", "  return decide('already_'"),
    ('stop.lua', "if by_chat then rc('DEL'", "if true then rc('DEL'"),
    ('delete.lua', "'wait', 'ask'}", "'wait'}"),
    ('sweep.lua', ", key('ask', t, c))", ")"),
    ('patch.lua', "then redis.call('HDEL', KEYS[1], 'graph')", "then redis.call('HDEL', KEYS[1], 'title')"),
    # finish, stop, settle, release
    ('finish.lua', "if flagged(h) then", "if false then"),
    ('finish.lua', "h.state ~= 'running' or h.tok ~= ARGV[4]", "h.state ~= 'running'"),
    ('finish.lua', "and len ~= tonumber(ARGV[6])", "and false"),
    ('stop.lua', "if token ~= '' then\n  local ok", "if false then\n  local ok"),
    ('stop.lua', "if reason == 'flag' and h.flag ~= '' and not flagged(h)", "if false"),
    ('stop.lua', "(c ~= '' and h.chat ~= c)", "false"),
    ('stop.lua', "or not is_for(h, user) then", "then"),
    ('stop.lua', "and (user == '' or owner(t, c) == user)", ""),
    ('stop.lua', "tomb_mark(g, c, user)", "tomb_mark(g, '', user)"),
    ('stop.lua', "behind = behind or w == g", ''),
    ('settle.lua', "(RANK[source] or 0) > (RANK[h.usrc] or 0)", "true"),
    ('settle.lua', "if h.flag ~= '' and not rec_open", "if h.flag ~= '' and rec_open"),
    ('settle.lua', "if h.flag ~= '' and not rec_open(h.t, rc('GET', key('active', h.t, h.chat))) then",
     "if h.flag ~= '' then"),
    ('release.lua', "if h.shown == '1' and h.on_interrupt", "if false and h.on_interrupt"),
    # the housekeepers
    ('reap.lua', "if math.abs(now - last) > tonumber(ARGV[4]) then", "if false then"),
    ('reap.lua', "if flagged(h) then\n    over(h, 'stopped', 'flag')\n    return 'stopped'\n  end", ''),
    ('reap.lua', "place(h, true)\n  return 'requeued'", "place(h)\n  return 'requeued'"),
    ('sweep.lua', "if flagged(h) then", "if false then"),
    ('renew.lua', "'XX', till, id", "'XX', 0, id"),
    # pauses, titles, chats whose time is over
    ('claim.lua', "if rc('SISMEMBER', P .. 'paused', lane) == 1 then return end", ''),
    ('patch.lua', "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end", ''),
    ('turn.lua', " and rc('HGET', c, 'titled') ~= '1'", ''),
    ('turn.lua', "else rc('ZREM', fading, fading_name(h.t, user, h.chat)) end", "end"),
    ('sweep.lua', "if rc('EXISTS', key('active', t, c)) == 1 then", "if false then"),
    ('sweep.lua', "rc('ZREM', key('chats', t, u), c)", ''),
    ('delete.lua', "rc('ZREM', P .. 'fading', fading_name(t, user, c))", ''),
    ('position.lua', "if at then n = at + ahead", "if at then n = ahead"),
    # places at models
    ('place.lua', "rc('ZSCORE', places, ARGV[i]) or ", ''),
    ('place.lua', "rc('ZCARD', places) < limit", "rc('ZCARD', places) <= limit"),
    ('place.lua', "rc('ZREMRANGEBYSCORE', places, '-inf', now)", '0'),
    ('place.lua', "rc('SET', wanted, 1, 'PX', lease)", ''),
    ('place.lua', "and rc('DEL', wanted) == 1", ''),
    ('delete.lua', "for _, g in ipairs(rc('LRANGE', key('wait', t, c), 0, -1)) do kill(g) end", ''),
    ('delete.lua', "h.on_stop = 'discard'", ''),
]


@pytest.mark.parametrize('edit', MUTATIONS, ids=[f'{m[0]}-{i}' for i, m in enumerate(MUTATIONS)])
def test_a_mistake_is_noticed(server, edit):
    client = server.client()
    client.flushdb()
    driver = Driver(Scripts(client, assemble(edit)), seed=7)
    try:
        with pytest.raises((Mismatch, redis.ResponseError, KeyError)):
            driver.run(OPS)
    finally:
        driver.close()
