-- Replaces a licence if it is still the one that was decided on. Returns {'gone'}, {'done'} or {'stale', JSON}.
-- KEYS: by id, by key hash, key hashes of id (the present one, then the one before it).
-- ARGV: id, JSON before, JSON after, JSON for the key before ('' if it opens nothing), hash of a new key or ''.
local present = redis.call('HGET', KEYS[1], ARGV[1])
if not present then return {'gone'} end
-- Equal to the value after: the answer to this very write was lost and it came again.
if present == ARGV[3] then return {'done'} end
if present ~= ARGV[2] then return {'stale', present} end
local hashes = {}
for hash in string.gmatch(redis.call('HGET', KEYS[3], ARGV[1]) or '', '%S+') do
  hashes[#hashes + 1] = hash
  redis.call('HDEL', KEYS[2], hash)
end
if ARGV[5] ~= '' and ARGV[5] ~= hashes[1] then table.insert(hashes, 1, ARGV[5]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if hashes[1] then
  local kept = hashes[1]
  redis.call('HSET', KEYS[2], hashes[1], ARGV[3])
  if hashes[2] and ARGV[4] ~= '' then
    redis.call('HSET', KEYS[2], hashes[2], ARGV[4])
    kept = kept .. ' ' .. hashes[2]
  end
  redis.call('HSET', KEYS[3], ARGV[1], kept)
end
return {'done'}
