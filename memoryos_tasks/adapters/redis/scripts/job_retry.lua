-- #include lib_clock
-- Give a claimed job back, due again later.
--
-- KEYS 1 job row  2 due
-- ARGV 1 due member  2 token  3 delay (ms)  4 error (JSON)
-- Returns 1, -1 when the claim was lost, -2 when the job was cancelled meanwhile
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return -1 end
if redis.call('HGET', KEYS[1], 'cancel') then return -2 end
local at = clock() + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'status', 'queued', 'error', ARGV[4], 'not_before', at)
redis.call('ZADD', KEYS[2], at, ARGV[1])
return 1
