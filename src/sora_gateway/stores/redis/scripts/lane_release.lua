-- Gives a lane up: due now if it has work, forgotten otherwise. KEYS: the state. ARGV: account, token.
local account = ARGV[1]
if redis.call('HGET', TOKENS, account) ~= ARGV[2] then return 0 end
if has_work(account) then
  redis.call('HDEL', TOKENS, account)
  redis.call('HDEL', HOLDERS, account)
  redis.call('ZADD', LANES, now(), account)
else
  forget_lane(account)
end
return 1
