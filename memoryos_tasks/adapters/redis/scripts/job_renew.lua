-- #include lib_clock
-- Extend a run's lease.
--
-- KEYS 1 job row  2 due
-- ARGV 1 due member  2 lease (ms)  3 token
-- Returns 1 when the job is to be cancelled, 0 when not, -1 when the claim was lost
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[3] then return -1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return -1 end
local now = clock()
redis.call('HSET', KEYS[1], 'lease_until', now + tonumber(ARGV[2]))
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
if redis.call('HGET', KEYS[1], 'cancel') then return 1 end
return 0
