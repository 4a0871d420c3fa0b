-- Replaces a hash field if it still has the value that was decided on. KEYS: hash.
-- ARGV: field, value before, value after. Returns {'gone'}, {'done'} or {'stale', value}.
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return {'gone'} end
-- Equal to the value after: the answer to this very write was lost and it came again.
if value ~= ARGV[3] then
  if value ~= ARGV[2] then return {'stale', value} end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return {'done'}
