-- Take visits off that were counted; an owner with none left is not to be asked for.
--
-- KEYS 1 visits of the owner (HASH place -> count)  2 owners with visits (SET)
-- ARGV 1 the owner's member  then pairs of place and count
for i = 2, #ARGV, 2 do
  if redis.call('HINCRBY', KEYS[1], ARGV[i], '-' .. ARGV[i + 1]) <= 0 then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
