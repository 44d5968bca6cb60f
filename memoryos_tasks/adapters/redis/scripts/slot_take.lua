-- Take a place at an endpoint. One whose holder did not renew it in time is free.
--
-- KEYS 1 places (ZSET of run id by the time, ms, at which its place is free again)
-- ARGV 1 run  2 most  3 lease (ms)
-- Returns 1, or 0 when all are taken
-- #include lib_clock
local now = clock()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
