-- A node leaves.
--
-- KEYS 1 notes (HASH by node)  2 expiry (ZSET of nodes by time, ms)  3 scheduler ("token node seat")
-- ARGV 1 node  2 seat
-- Returns 1 when it was the scheduler
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
local held = redis.call('GET', KEYS[3])
if held and held == string.match(held, '^%d+') .. ' ' .. ARGV[1] .. ' ' .. ARGV[2] then
  redis.call('DEL', KEYS[3])
  return 1
end
return 0
