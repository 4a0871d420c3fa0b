-- Records a look at an account's lists. KEYS: the state, seen, facts.
-- ARGV: account, token, foreign tasks (JSON), echo ('' unknown, '0', '1'), keep_s, keep facts_s, ids.
local account, time = ARGV[1], now()
local refusal = guards.lease(account, ARGV[2])
if refusal then return refusal end
local listed = cjson.decode(redis.call('HGET', FOREIGN, account) or '{}')
for kind, tasks in pairs(cjson.decode(ARGV[3])) do listed[kind] = tasks end
redis.call('HSET', FOREIGN, account, cjson.encode(listed))
for i = 7, #ARGV do redis.call('ZADD', KEYS[10], 'NX', time, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[10], '-inf', time - tonumber(ARGV[5]))
redis.call('EXPIRE', KEYS[10], ARGV[5])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[11], 'echo', ARGV[4]) end
redis.call('HSET', KEYS[11], 'observed_at', string.format('%.6f', time))
redis.call('EXPIRE', KEYS[11], ARGV[6])
return 'noted'
