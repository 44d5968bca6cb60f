-- Take events out of a session's short-term memory; an empty session is no longer active.
--
-- KEYS 1 STM of the session  2 active
-- ARGV 1 active member  then sequence numbers
-- Returns how many events are left
for i = 2, #ARGV do redis.call('ZREMRANGEBYSCORE', KEYS[1], ARGV[i], ARGV[i]) end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return left
