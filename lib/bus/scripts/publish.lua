#!lua
-- @prelude common.lua
-- publish: a worker says which graphs it can run. The version that was said last is the one that is listed; older ones' texts stay
-- for those that are bound to them: a generation under way, an ask whose answer may take a month. Names that nobody has said for
-- `keep` go. Send again: says it again.
--
-- KEYS 1 graphs   ARGV 1 prefix   2 keep ms, of what is listed   3 keep ms, of texts   4.. name, version, about (JSON), text of each
-- returns how many are listed
local graphs, now, keep = KEYS[1], ms(), tonumber(ARGV[2])
if not sound(graphs, 'hash') then rc('DEL', graphs) end
for i = 4, #ARGV, 4 do
  rc('SET', key('graph', ARGV[i + 1]), ARGV[i + 3], 'PX', ARGV[3])
  rc('HSET', graphs, ARGV[i], string.format('%d %s %s', now + keep, ARGV[i + 1], ARGV[i + 2]))
end
local all = rc('HGETALL', graphs)
for i = 1, #all, 2 do
  if (tonumber(all[i + 1]:match('^%d+')) or 0) <= now then rc('HDEL', graphs, all[i]) end
end
rc('PEXPIRE', graphs, keep)
return rc('HLEN', graphs)
