-- Adds or replaces a record of an owner; an earlier name of it leads nowhere any more.
-- KEYS: records, name -> id, id -> name, due times, owner's list.
-- ARGV: id, JSON, creation time, name or '', due time or ''.
local id, name = ARGV[1], ARGV[4]
local before = redis.call('HGET', KEYS[3], id)
if before and before ~= name then
  if redis.call('HGET', KEYS[2], before) == id then redis.call('HDEL', KEYS[2], before) end
  redis.call('HDEL', KEYS[3], id)
end
if name ~= '' then
  redis.call('HSET', KEYS[2], name, id)
  redis.call('HSET', KEYS[3], id, name)
end
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[4], ARGV[5], id) else redis.call('ZREM', KEYS[4], id) end
redis.call('ZADD', KEYS[5], ARGV[3], id)
redis.call('HSET', KEYS[1], id, ARGV[2])
return 1
