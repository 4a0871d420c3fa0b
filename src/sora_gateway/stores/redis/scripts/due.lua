-- Returns members whose time has come. KEYS: sorted set. ARGV: limit.
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] + time[2] / 1000000, 'LIMIT', 0, ARGV[1])
