-- Replaces an archived job if it is still the version that was decided on.
-- KEYS: archived job. ARGV: write id, version before, version after, JSON after, events.
local record = redis.call('HMGET', KEYS[1], 'v', 'w', 'j', 'e')
if not record[1] then return {'gone'} end
if string.find(record[2], ARGV[1], 1, true) then return {'done'} end
if record[1] ~= ARGV[2] then return {'stale', record[3]} end
local writes = string.sub(ARGV[1] .. ' ' .. record[2], 1, 117)
local events = ARGV[5] == '' and record[4] or record[4] .. '\n' .. ARGV[5]
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'w', writes, 'j', ARGV[4], 'e', events)
return {'done'}
