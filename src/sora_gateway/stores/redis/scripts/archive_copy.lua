-- Writes the archived copy of a job unless a newer one is there.
-- KEYS: archived job. ARGV: version, write ids, JSON, events, seconds to keep it.
local version = redis.call('HGET', KEYS[1], 'v')
if not version or tonumber(version) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'v', ARGV[1], 'w', ARGV[2], 'j', ARGV[3], 'e', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
end
return 1
