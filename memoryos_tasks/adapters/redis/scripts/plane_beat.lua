-- A node says that it lives, and is the scheduler when nobody else is.
--
-- KEYS 1 notes (HASH by node)  2 expiry (ZSET of nodes by time, ms)  3 scheduler ("token node seat")  4 fence counter
-- ARGV 1 node  2 note  3 lease (ms)  4 seat: tells this process from others that were given the same name
-- Returns the token of its term, or 0 when another node is the scheduler
-- #include lib_clock
local now = clock()
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[1], gone)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%d', now + ARGV[3]), ARGV[1])
local held = redis.call('GET', KEYS[3])
if held then
  local token = string.match(held, '^%d+')
  if held ~= token .. ' ' .. ARGV[1] .. ' ' .. ARGV[4] then return 0 end
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  return tonumber(token)
end
-- Never below the clock: no token comes twice, even where this store was reset.
local token = redis.call('INCR', KEYS[4])
if token < now then
  token = now
  redis.call('SET', KEYS[4], string.format('%d', token))
end
redis.call('SET', KEYS[3], string.format('%d', token) .. ' ' .. ARGV[1] .. ' ' .. ARGV[4], 'PX', ARGV[3])
return token
