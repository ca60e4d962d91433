#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- release: give a running generation back: at once, in front of its user's list (SIGTERM, delay 0), or not before a
-- delay (a provider asks for patience; no slot is held). Not a crash. Refused when text was shown and the policy is
-- `interrupted`. Send again: answers the present state; harmless.
--
-- KEYS 1 record   ARGV 1 prefix   2 tenant   3 generation   4 token   5 delay ms
--      6 attempt: a note that the next claim answers, '' = none
-- returns released · stopped (its flag was set) · shown (finish it instead) · gone · or the state that it has now
local h, delay = rec(ARGV[2], ARGV[3]), tonumber(ARGV[5])
if not h then return 'gone' end
if h.state ~= 'running' or h.tok ~= ARGV[4] then return h.state end
if flagged(h) then
  over(h, 'stopped', 'flag', {own = true})
  return 'stopped'
end
if h.shown == '1' and h.on_interrupt ~= 'continue' and h.on_interrupt ~= 'restart' then return 'shown' end
unplace(h)
count(h.t, 1, 0)
if ARGV[6] ~= '' then rc('HSET', h.key, 'attempt', ARGV[6]) end
if delay <= 0 then
  place(h, true)
else
  rc('HSET', h.key, 'state', 'queued', 'where', 'delay')
  rc('ZADD', P .. 'delayed', ms() + delay, h.id)
end
return 'released'
