-- Take the events up to a sequence number out of a session's short-term memory; an empty session is forgotten.
--
-- KEYS 1 STM of the session  2 active  3 sessions of the owner
-- ARGV 1 sequence number  2 active member  3 session
-- Returns how many events were taken out
local gone = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('ZREM', KEYS[3], ARGV[3])
end
return gone
