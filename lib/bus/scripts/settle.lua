#!lua flags=allow-oom
-- @prelude common.lua turn.lua
-- settle: usage that is known only after the end; a stop decides at once, the worker closes or drains the provider
-- later. It only goes up: unknown < estimated < none < provider (none: the provider was never asked, which is exact).
-- Either way the record's usage is settled afterwards, and the flag goes if the chat has no active generation: the
-- provider is closed, so nobody needs to hear of that stop any more.
--
-- KEYS 1 record   ARGV 1 prefix   2 tenant   3 generation   4 token   5 usage (JSON)   6 its source
-- returns 1 written · 0 not better · -1 no such record or token · -2 not over yet
local RANK = {unknown = 1, estimated = 2, none = 3, provider = 4}
local h, usage, source = rec(ARGV[2], ARGV[3]), ARGV[5], ARGV[6]
if not h or h.tok ~= ARGV[4] then return -1 end
if is_open(h) then return -2 end
local better = (RANK[source] or 0) > (RANK[h.usrc] or 0)
if not better then usage, source = h.usage, h.usrc end
usage = usage:gsub('"settled"%s*:%s*false', '"settled":true')
rc('HSET', h.key, 'usage', usage, 'usrc', source)
tally(h, usage)
if h.flag ~= '' and not rec_open(h.t, rc('GET', key('active', h.t, h.chat))) then rc('DEL', h.flag) end
return better and 1 or 0
