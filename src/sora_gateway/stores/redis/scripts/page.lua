-- Returns ids of an owner's list behind a cursor, false if the cursor is not in it.
-- KEYS: list. ARGV: cursor ('' for the start), 'up' or 'down', count.
local is_up = ARGV[2] == 'up'
local start = 0
if ARGV[1] ~= '' then
  local rank = redis.call(is_up and 'ZRANK' or 'ZREVRANK', KEYS[1], ARGV[1])
  if not rank then return false end
  start = rank + 1
end
return redis.call(is_up and 'ZRANGE' or 'ZREVRANGE', KEYS[1], start, start + tonumber(ARGV[3]) - 1)
