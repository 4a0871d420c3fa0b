-- Stores new jobs, all or none, and returns how many stand before each in its queue (-1: it is not there). KEYS: the state, waiting, idempotency record, then those of the plans.
-- ARGV: write id, queue limit, cost, digest ('' for none), ids, seconds to remember the key, what to compare
-- with the owner's bounds; then for each job: plan, version, JSON, id, owner.
local WAITING, KEY = KEYS[10], KEYS[11]
local digest, ids = ARGV[4], ARGV[5]
if digest ~= '' then
  local used = redis.call('HMGET', KEY, 'digest', 'ids')
  if used[1] and used[1] ~= digest then return {'conflict'} end
  if used[1] and used[2] ~= ids then return {'replayed', used[2]} end
end

local jobs = {}
for i = 8, #ARGV, 5 do
  local plan = cjson.decode(ARGV[i])
  -- The list of the owner knows archived jobs too, so a late repeat makes no second copy.
  if redis.call('ZSCORE', KEYS[plan.owner], ARGV[i + 3]) then return {'known'} end
  jobs[#jobs + 1] = {plan = plan, version = ARGV[i + 1], json = ARGV[i + 2], id = ARGV[i + 3],
                     owner = ARGV[i + 4]}
end
for _, check in ipairs(cjson.decode(ARGV[7])) do
  -- name, how much is added, how much there may be, command, its key, its arguments
  local used = tonumber(redis.call(check[4], KEYS[check[5]], unpack(check, 6)) or 0)
  if used + check[2] > check[3] then return {'bound', check[1], used} end
end
if redis.call('ZCARD', WAITING) + #jobs > tonumber(ARGV[2]) then return {'full'} end

if digest ~= '' then
  redis.call('HSET', KEY, 'digest', digest, 'ids', ids)
  redis.call('EXPIRE', KEY, ARGV[6])
end
local places = {}
for _, job in ipairs(jobs) do
  local last = KEYS[job.plan.last]
  -- Where nobody waits, nobody is ahead of his share: what was cancelled is not held against its owner.
  if redis.call('EXISTS', KEYS[job.plan.queue], KEYS[job.plan.delayed]) == 0 then redis.call('DEL', last) end
  local virtual = tonumber(redis.call('HGET', VIRTUAL, job.plan.course) or 0)
  local tag = math.max(virtual, tonumber(redis.call('ZSCORE', last, job.owner) or 0)) + tonumber(ARGV[3])
  redis.call('ZADD', last, tag, job.owner)
  redis.call('HSET', TAGS, job.id, job.plan.base + tag)
  write(job.plan, job.version, ARGV[1], job.json)
  places[#places + 1] = redis.call('ZRANK', KEYS[job.plan.queue], job.id) or -1
end
return {'accepted', places}
