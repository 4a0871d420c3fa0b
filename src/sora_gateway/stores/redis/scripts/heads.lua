-- Returns the first jobs of each signature that may be tried now.
-- KEYS: the state, then queue and delayed of each signature. ARGV: limit, the signatures in that order.
local place = {}
for i = 2, #ARGV do place[ARGV[i]] = 6 + 2 * i end
local signatures = redis.call('SMEMBERS', SIGNATURES)
for _, signature in ipairs(signatures) do
  if not place[signature] then return {'unknown', signatures} end
end
local heads, time = {}, now()
for _, signature in ipairs(signatures) do
  local queue, delayed = KEYS[place[signature]], KEYS[place[signature] + 1]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', time, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', delayed, id)
    redis.call('ZADD', queue, redis.call('HGET', TAGS, id) or 0, id)
  end
  for _, id in ipairs(redis.call('ZRANGE', queue, 0, tonumber(ARGV[1]) - 1)) do
    heads[#heads + 1] = signature
    heads[#heads + 1] = id
  end
  if redis.call('EXISTS', queue, delayed) == 0 then redis.call('SREM', SIGNATURES, signature) end
end
return {'heads', heads}
