#!lua flags=no-writes
-- read: a page of the log from a cursor, wherever the log lies now (log: or live:<token>), with the state, in one look.
--
-- KEYS 1 record   ARGV 1 prefix   2 tenant   3 generation   4 after: the last seq that the reader has   5 max events
-- returns nil: no record · or {1 state, 2 the log's length, 3 token, 4 kept 0|1, 5 chat, 6 {events...}}
--      kept 0: over, and its log is no longer kept: 410 gone
--      length < after: Redis lost the tail: tell `rewound` with after = 0
local h = redis.call('HMGET', KEYS[1], 'state', 'tok', 'chat')
if not h[1] then return false end
local id = ARGV[2] .. ':' .. ARGV[3]
local log = h[1] == 'running' and ARGV[1] .. 'live:' .. id .. ':' .. (h[2] or '') or ARGV[1] .. 'log:' .. id
local len = redis.call('LLEN', log)
local is_open = h[1] == 'queued' or h[1] == 'running'
return {h[1], len, h[2] or '', (is_open or len > 0) and 1 or 0, h[3] or '',
  redis.call('LRANGE', log, ARGV[4], ARGV[4] + ARGV[5] - 1)}
