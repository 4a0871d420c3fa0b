-- Takes lanes with work that nobody holds. KEYS: the state, counter.
-- ARGV: node, random part of the tokens, limit, lease_s, longest_s.
-- A time farther ahead than the longest is the trace of a clock that jumped back: due as well.
local time, limit = now(), tonumber(ARGV[3])
local due = redis.call('ZRANGEBYSCORE', LANES, '-inf', time, 'LIMIT', 0, limit + 100)
local far = string.format('(%.6f', time + tonumber(ARGV[5]))
for _, account in ipairs(redis.call('ZRANGEBYSCORE', LANES, far, '+inf', 'LIMIT', 0, limit)) do
  due[#due + 1] = account
end
local taken = {}
for _, account in ipairs(due) do
  if not has_work(account) then
    forget_lane(account)
  elseif #taken < 2 * limit then
    local token = redis.call('INCR', KEYS[10]) .. ':' .. ARGV[2]
    redis.call('HSET', TOKENS, account, token)
    redis.call('HSET', HOLDERS, account, ARGV[1])
    redis.call('ZADD', LANES, time + tonumber(ARGV[4]), account)
    taken[#taken + 1] = account
    taken[#taken + 1] = token
  end
end
return taken
