-- Removes a record of an owner and says whether it was there; a name that another took stays with it.
-- KEYS: records, name -> id, id -> name, due times, owner's list. ARGV: id.
local id = ARGV[1]
local name = redis.call('HGET', KEYS[3], id)
if name and redis.call('HGET', KEYS[2], name) == id then redis.call('HDEL', KEYS[2], name) end
redis.call('HDEL', KEYS[3], id)
redis.call('ZREM', KEYS[4], id)
redis.call('ZREM', KEYS[5], id)
return redis.call('HDEL', KEYS[1], id)
