#!lua flags=allow-oom
-- patch: title and metadata of a chat with a record. A title that was given stays, also when the first message is replaced.
--
-- KEYS 1 record chat:<tenant>:<chat>   ARGV 1.. name, value pairs: title metadata (JSON)
-- returns 1 changed · 0 the chat has no record
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'title' then redis.call('HSET', KEYS[1], 'titled', 1) end
end
return 1
