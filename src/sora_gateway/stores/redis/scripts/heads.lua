-- Returns the first jobs of each signature that may be tried now, those of higher classes before all others.
-- KEYS: the state, then queue and delayed of each signature. ARGV: limit, scores at which the second and the
-- third class begin, the signatures in the order of their keys.
local place = {}
for i = 4, #ARGV do place[ARGV[i]] = 2 + 2 * i end
local signatures = redis.call('SMEMBERS', SIGNATURES)
for _, signature in ipairs(signatures) do
  if not place[signature] then return {'unknown', signatures} end
end
local classes, time = {{}, {}, {}}, now()
local second, third = tonumber(ARGV[2]), tonumber(ARGV[3])
for _, signature in ipairs(signatures) do
  local queue, delayed = KEYS[place[signature]], KEYS[place[signature] + 1]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', time, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', delayed, id)
    redis.call('ZADD', queue, redis.call('HGET', TAGS, id) or 0, id)
  end
  local first = redis.call('ZRANGE', queue, 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
  for i = 1, #first, 2 do
    local score = tonumber(first[i + 1])
    local class = classes[score < second and 1 or score < third and 2 or 3]
    class[#class + 1] = signature
    class[#class + 1] = first[i]
  end
  if redis.call('EXISTS', queue, delayed) == 0 then redis.call('SREM', SIGNATURES, signature) end
end
local heads = {}
for _, class in ipairs(classes) do
  for _, word in ipairs(class) do heads[#heads + 1] = word end
end
return {'heads', heads}
