-- Adds or replaces a licence; an earlier key of it opens nothing any more.
-- KEYS: by id, by key hash, key hashes of id. ARGV: id, key hash, JSON.
for hash in string.gmatch(redis.call('HGET', KEYS[3], ARGV[1]) or '', '%S+') do
  redis.call('HDEL', KEYS[2], hash)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return 1
