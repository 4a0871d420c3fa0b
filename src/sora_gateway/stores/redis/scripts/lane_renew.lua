-- Renews leases; returns the tokens that are not the current ones. KEYS: the state.
-- ARGV: lease_s, then account and token of each.
local ends, lost = now() + tonumber(ARGV[1]), {}
for i = 2, #ARGV, 2 do
  if redis.call('HGET', TOKENS, ARGV[i]) == ARGV[i + 1] then
    redis.call('ZADD', LANES, ends, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i + 1]
  end
end
return lost
