-- Counts a request unless as many as allowed were made within the last minute.
-- KEYS: list of their times, newest first. ARGV: how many are allowed, 1 to count it and 0 only to look.
-- Returns whether it is allowed, how many are counted, microseconds until the first and the last are forgotten.
local MINUTE = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit = tonumber(ARGV[1])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
-- What lies ahead was written before the clock was set back.
while oldest and (oldest <= now - MINUTE or oldest > now + MINUTE) do
  redis.call('RPOP', KEYS[1])
  oldest = tonumber(redis.call('LINDEX', KEYS[1], -1))
end
local count = redis.call('LLEN', KEYS[1])
local is_allowed = count < limit or ARGV[2] == '0'
if is_allowed and ARGV[2] == '1' then
  -- A server whose memory is full takes no note; readings go on without.
  if type(redis.pcall('LPUSH', KEYS[1], string.format('%.0f', now))) == 'number' then
    redis.call('PEXPIRE', KEYS[1], 60000)
    oldest = oldest or now
    count = count + 1
  end
end
if count == 0 then return {1, 0, 0, 0} end
-- With a limit that was lowered, more than one must be forgotten before another is taken.
local first = tonumber(redis.call('LINDEX', KEYS[1], limit - 1) or oldest)
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0))
return {is_allowed and 1 or 0, count, first + MINUTE - now, newest + MINUTE - now}
