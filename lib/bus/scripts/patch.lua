#!lua flags=allow-oom
-- patch: title, metadata and graph of a chat with a record; '' as graph: none any more. A title that was given stays, also when the first message is replaced.
--
-- KEYS 1 record chat:<tenant>:<chat>   ARGV 1.. name, value pairs: title metadata (JSON) graph
-- returns 1 changed · 0 the chat has no record
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for i = 1, #ARGV, 2 do
  if ARGV[i] == 'graph' and ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], 'graph')
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  if ARGV[i] == 'title' then redis.call('HSET', KEYS[1], 'titled', 1) end
end
return 1
