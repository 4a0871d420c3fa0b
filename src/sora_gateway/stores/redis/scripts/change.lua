-- Replaces a living job if it is still the version that was decided on, and if no guard objects.
-- ARGV: plan, write id, version before, version after, JSON after, id of the write that made it the version
-- before ('' if it was read just now). A store that lost writes counts the same versions again: only the id
-- tells that a job is still what somebody took it for some time ago.
local plan = cjson.decode(ARGV[1])
local record = redis.call('HMGET', KEYS[plan.job], 'v', 'w')
if not record[1] then return {'gone'} end
-- The answer to this very write was lost and it came again.
if string.find(record[2], ARGV[2], 1, true) then return {'done'} end
local is_same = ARGV[6] == '' or string.sub(record[2], 1, #ARGV[6]) == ARGV[6]
if record[1] ~= ARGV[3] or not is_same then return {'stale', redis.call('HGET', KEYS[plan.job], 'j')} end
for _, guard in ipairs(plan.guards) do
  local refusal = guards[guard[1]](unpack(guard, 2))
  if refusal then return {refusal} end
end
-- The last nine write ids are remembered.
write(plan, ARGV[4], string.sub(ARGV[2] .. ' ' .. record[2], 1, 117), ARGV[5])
return {'done'}
