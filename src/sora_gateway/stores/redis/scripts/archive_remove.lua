-- Removes living records whose archived copy is complete. KEYS: finals, tags, then job and log of each.
-- ARGV: id and version of each.
local removed = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[i + 2], 'v') == ARGV[i + 1] then
    redis.call('DEL', KEYS[i + 2], KEYS[i + 3])
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('SREM', KEYS[1], ARGV[i])
    removed = removed + 1
  end
end
return removed
