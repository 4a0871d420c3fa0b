-- What the scripts on the living state share. The first nine keys are always these (keys.STATE):
local FEED, TOKENS, LANES, WORK, FOREIGN = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local TAGS, VIRTUAL, SIGNATURES, HOLDERS = KEYS[6], KEYS[7], KEYS[8], KEYS[9]

-- Numbers go to redis.call as they are (17 digits); tostring and .. would keep only 14.
local function now()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

-- Nobody looks at the account any more, so what was seen in its list is out of date as well.
local function forget_lane(account)
  redis.call('ZREM', LANES, account)
  redis.call('HDEL', TOKENS, account)
  redis.call('HDEL', HOLDERS, account)
  redis.call('HDEL', FOREIGN, account)
end

local function has_work(account)
  return redis.call('HEXISTS', WORK, account) == 1
end

-- WORK counts a lane's jobs: field "<account>" all, field "<kind> <account>" those of one kind.
local function count(kind, account, by)
  for _, field in ipairs({account, kind .. ' ' .. account}) do
    if redis.call('HINCRBY', WORK, field, by) <= 0 then redis.call('HDEL', WORK, field) end
  end
end

local function foreign(kind, account)
  local listed = redis.call('HGET', FOREIGN, account)
  return listed and cjson.decode(listed)[kind] or 0
end

-- Checks before a write. Each returns the word of its refusal, or nothing.
local guards = {}

function guards.lease(account, token)
  if redis.call('HGET', TOKENS, account) ~= token then return 'lost' end
end

function guards.slots(kind, account, slots)
  local ours = tonumber(redis.call('HGET', WORK, kind .. ' ' .. account) or 0)
  if ours + foreign(kind, account) >= tonumber(slots) then return 'full' end
end

function guards.twin(key, fingerprint, id)
  local holder = redis.call('HGET', KEYS[key], fingerprint)
  if holder and holder ~= id then return 'twin' end
end

function guards.taken(key, id)
  local holder = redis.call('GET', KEYS[key])
  if holder and holder ~= id then return 'taken' end
end

-- Steps of a job from one place to another that need more than one plain command.
local steps = {}

function steps.enqueue(queue, delayed, signature, id, not_before)
  if tonumber(not_before) > now() then
    redis.call('ZADD', KEYS[delayed], not_before, id)
  else
    redis.call('ZADD', KEYS[queue], redis.call('HGET', TAGS, id) or 0, id)
  end
  redis.call('SADD', SIGNATURES, signature)
end

-- Virtual time goes on to the tag of the job that is served; owners behind it need no memory.
function steps.serve(last, course, base, id)
  local tag = tonumber(redis.call('HGET', TAGS, id) or base) - tonumber(base)
  if tag > tonumber(redis.call('HGET', VIRTUAL, course) or 0) then
    redis.call('HSET', VIRTUAL, course, tag)
    redis.call('ZREMRANGEBYSCORE', KEYS[last], '-inf', tag)
  end
end

function steps.join(lane, kind, account, id)
  if redis.call('SADD', KEYS[lane], id) == 1 then count(kind, account, 1) end
  redis.call('ZADD', LANES, 'NX', 0, account)
end

function steps.leave(lane, kind, account, id)
  if redis.call('SREM', KEYS[lane], id) == 1 then count(kind, account, -1) end
  if not has_work(account) and redis.call('HEXISTS', TOKENS, account) == 0 then forget_lane(account) end
end

-- The end of a job is an event for whoever listens: endpoints of the owner, an address of the request.
function steps.owe(owed, endpoints, id, is_certain)
  if is_certain == '1' or redis.call('EXISTS', KEYS[endpoints]) == 1 then
    redis.call('ZADD', KEYS[owed], 0, id)
  end
end

-- Writes one job: its moves between the indices, its record, its events, the feed.
local function write(plan, version, writes, json)
  for _, move in ipairs(plan.moves) do
    local step = steps[move[1]]
    if step then
      step(unpack(move, 2))
    else
      move[2] = KEYS[move[2]]
      redis.call(unpack(move))
    end
  end
  redis.call('HSET', KEYS[plan.job], 'v', version, 'w', writes, 'j', json)
  for _, event in ipairs(plan.events) do redis.call('RPUSH', KEYS[plan.log], event) end
  redis.call('LTRIM', KEYS[plan.log], -512, -1)
  local is_public = #plan.events > 0 and 1 or 0
  redis.call('XADD', FEED, 'MAXLEN', '~', plan.feed_length, '*', 'j', json, 'p', is_public)
end
