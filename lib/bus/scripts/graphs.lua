#!lua flags=no-writes
-- @prelude common.lua
-- graphs: what workers have published and is still kept, in order of name.
--
-- KEYS 1 graphs   ARGV 1 prefix
-- returns {name, version, about (JSON), ...}
local all, rows, out = rc('HGETALL', KEYS[1]), {}, {}
for i = 1, #all, 2 do
  local till, version, about = all[i + 1]:match('^(%d+) (%x+) (.*)$')
  if till and tonumber(till) > ms() then rows[#rows + 1] = {all[i], version, about} end
end
table.sort(rows, function(a, b) return a[1] < b[1] end)
for _, row in ipairs(rows) do
  for _, v in ipairs(row) do out[#out + 1] = v end
end
return out
