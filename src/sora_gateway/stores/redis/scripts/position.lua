-- Returns how many jobs stand before a waiting one; a delayed one is counted where its tag belongs.
-- KEYS: queue, delayed, tags. ARGV: id.
local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
if rank then return rank end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return false end
return redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. (redis.call('HGET', KEYS[3], ARGV[1]) or '0'))
