-- Adds a delivery, or replaces it unless only a new one is wanted; forgets from the list what is too old.
-- KEYS: due times, creation times, deliveries of the event.
-- ARGV: target, name in the lists, JSON, due time or '', creation time, seconds to keep it, 'new' or 'any'.
if ARGV[7] == 'new' and redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[6])
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[1], ARGV[4], ARGV[2]) else redis.call('ZREM', KEYS[1], ARGV[2]) end
redis.call('ZADD', KEYS[2], 'NX', ARGV[5], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1] - tonumber(ARGV[6]))
return 1
