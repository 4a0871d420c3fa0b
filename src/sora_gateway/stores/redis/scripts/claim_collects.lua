-- Takes due members and postpones them. KEYS: sorted set. ARGV: limit, lease_s, longest_s.
-- A time farther ahead than the longest is the trace of a clock that jumped back: due as well.
local time = redis.call('TIME')
local now, limit = time[1] + time[2] / 1000000, tonumber(ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit)
local far = string.format('(%.6f', now + tonumber(ARGV[3]))
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], far, '+inf', 'LIMIT', 0, limit - #due)) do
  due[#due + 1] = id
end
for _, id in ipairs(due) do redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[2]), id) end
return due
