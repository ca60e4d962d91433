#!lua
-- @prelude common.lua
-- report: what a process has counted since it last told, into the figures of now. Refused when memory is full: figures
-- are looked at, nothing hangs on them.
--
-- KEYS 1 any key of the shard   ARGV 1 prefix   2.. name, count pairs
for i = 2, #ARGV - 1, 2 do figure(ARGV[i], ARGV[i + 1]) end
return 1
