-- Take events out of a session's short-term memory, if the owner's lock is still the caller's; an empty session is
-- no longer active.
--
-- KEYS 1 STM of the session  2 active  3 lock of the owner
-- ARGV 1 active member  2 token  then sequence numbers
-- Returns how many events are left, or -1 when the lock was lost and nothing was taken out
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return -1 end
for i = 3, #ARGV do redis.call('ZREMRANGEBYSCORE', KEYS[1], ARGV[i], ARGV[i]) end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return left
