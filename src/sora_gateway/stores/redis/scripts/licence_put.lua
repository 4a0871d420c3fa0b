-- Adds or replaces a licence; an earlier key of it opens nothing any more.
-- KEYS: by id, by key hash, key hash of id. ARGV: id, key hash, JSON.
local before = redis.call('HGET', KEYS[3], ARGV[1])
if before and before ~= ARGV[2] then redis.call('HDEL', KEYS[2], before) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return 1
