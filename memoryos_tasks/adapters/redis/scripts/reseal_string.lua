-- Put a fresh text in the place of the one that was read.
--
-- KEYS 1 string
-- ARGV 1 old  2 new
-- Returns how many were replaced
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
