-- Take the owner's lock.
--
-- KEYS 1 lock  2 fence counter
-- ARGV 1 lease (ms)
-- Returns a token that grows with every take, or 0 when it is held
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
-- Never below the clock: the tokens that the vector store remembers outlive a store of record that was reset.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token = redis.call('INCR', KEYS[2])
if token < now then
  token = now
  redis.call('SET', KEYS[2], string.format('%d', token))
end
redis.call('SET', KEYS[1], string.format('%d', token), 'PX', ARGV[1])
return token
