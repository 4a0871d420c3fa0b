-- Returns the records that bear the names, in their order, false for none.
-- KEYS: records, name -> id. ARGV: names. One by one: thousands of them are too many for unpack.
local found = {}
for place, name in ipairs(ARGV) do
  local id = redis.call('HGET', KEYS[2], name)
  found[place] = id and redis.call('HGET', KEYS[1], id)
end
return found
