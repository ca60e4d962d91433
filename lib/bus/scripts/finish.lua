#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- finish: the worker ends its running generation; a stop or a flag that came first wins. done commits the turn and
-- starts the chat's next waiting one. Safe to send again: the answer is the final state, and only this token can
-- have made it so.
--
-- KEYS 1 record   ARGV 1 prefix   2 tenant   3 generation   4 token   5 state done|failed|interrupted
--      6 expected log length or ''
--      7.. name, value pairs:   usage (JSON), source of the usage: all states
--        done         reply (message blob; not in mode none), finish_reason, graph, model, system (the effective ones; graph:
--                     else the record's), output (JSON; kept in the record), resume (JSON), parked with parked_ms: what the
--                     chat keeps for so long to go on from, when a graph asks back
--        failed, interrupted   reason (the error's code), error (JSON), resumable 0|1 (interrupted only)
-- returns {state, mine 0|1, seq}    mine 1: done by this token. {'stopped', 0, seq}: throw the text away
--      {'gone', 0, 0}               no such generation, or fenced
--      {'behind', len, 0}           Redis lost a tail: append again from len + 1 first
--      {'failed', 0, seq}           what it was to replace is not in the chat any more: it ended here, with the code conflict
--      error DAMAGED                the chat cannot take the turn: finish as failed
local h, state, o = rec(ARGV[2], ARGV[3]), ARGV[5], pairs_from(7)
local function answer(s, mine) return {s, mine, tonumber(rc('HGET', h.key, 'seq') or '0')} end
if not h then return {'gone', 0, 0} end
if h.state ~= 'running' or h.tok ~= ARGV[4] then
  if is_open(h) then return {'gone', 0, 0} end
  return answer(h.state, h.tok == ARGV[4] and h.state == state and 1 or 0)
end
if not sound(h.live, 'list') or rc('EXISTS', h.live) == 0 then return {'gone', 0, 0} end
if flagged(h) then
  over(h, 'stopped', 'flag', {own = true, usage = o.usage, source = o.source})
  return answer('stopped', 0)
end
local len = rc('LLEN', h.live)
if ARGV[6] ~= '' and len ~= tonumber(ARGV[6]) then return {'behind', len, 0} end
if not END[state] then return redis.error_reply('ERR finish cannot make it ' .. state) end
o.own = true
if state == 'done' and is_without_target(h) then
  over(h, 'failed', 'conflict', {own = true, usage = o.usage, source = o.source, model = o.model})
  return answer('failed', 0)
end
if state ~= 'done' or h.mode == 'none' then o.reply = nil
elseif not o.reply or not can_commit(h) then
  return redis.error_reply('DAMAGED no reply, or the chat cannot take it')
end
over(h, state, o.reason or '', o)
return answer(state, 1)
