-- Take the owner's lock.
--
-- KEYS 1 lock  2 fence counter
-- ARGV 1 lease (ms)
-- Returns a token that grows with every take, or 0 when it is held
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return token
