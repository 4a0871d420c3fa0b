-- Makes a member that is there due after a delay. KEYS: sorted set. ARGV: id, delay_s.
local time = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', time[1] + time[2] / 1000000 + tonumber(ARGV[2]), ARGV[1])
