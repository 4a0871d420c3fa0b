-- Adds a webhook endpoint unless its owner has enough. KEYS: records, owner's list.
-- ARGV: id, JSON, creation time, most.
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 0 end
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
